/** One step of a path into JSON: a name, any name, an index, or any index. */
export type PathStep =
  | { readonly kind: 'name'; readonly name: string | undefined }
  | { readonly kind: 'index'; readonly index: number | undefined };

const MAX_STEPS = 32;
const MAX_LENGTH = 500;
const STEP = /(?<any>\*)|(?<name>[^.[\]*"'\s]+)|\[(?:(?<every>\*)|(?<index>\d{1,9})|"(?<quoted>[^"\\]+)")\]/y;

/** What is wrong with a path, or undefined. */
export function problemOfFieldPath(path: unknown): string | undefined {
  return typeof path === 'string' && stepsOf(path) !== undefined
    ? undefined
    : 'is no path of fields such as customer.email, items[*].card or ["a.b"].c';
}

/** The steps of a path; undefined for one that is malformed. */
export function stepsOf(path: string): readonly PathStep[] | undefined {
  if (path === '' || path.length > MAX_LENGTH) return undefined;
  const steps: PathStep[] = [];
  let at = 0;
  while (at < path.length) {
    const isBracket = path[at] === '[';
    if (steps.length > 0 && !isBracket) {
      if (path[at] !== '.') return undefined;
      at += 1;
      if (path[at] === '[') return undefined;
    }
    STEP.lastIndex = at;
    const { any, name, every, index, quoted } = STEP.exec(path)?.groups ?? {};
    if ((any ?? name ?? every ?? index ?? quoted) === undefined) return undefined;
    if (every !== undefined || index !== undefined)
      steps.push({ kind: 'index', index: index === undefined ? undefined : Number(index) });
    else steps.push({ kind: 'name', name: name ?? quoted });
    at = STEP.lastIndex;
  }
  return steps.length <= MAX_STEPS ? steps : undefined;
}

/** True when a step leads to a field of this name, or to an element at this index. */
export function isStepTo(step: PathStep, to: string | number): boolean {
  if (typeof to === 'number') return step.kind === 'index' && (step.index ?? to) === to;
  return step.kind === 'name' && (step.name ?? to) === to;
}
