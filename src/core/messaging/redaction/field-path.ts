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
  for (let at = 0; at < path.length; at = STEP.lastIndex) {
    const from = beginOfStep(path, at);
    if (from === undefined) return undefined;
    STEP.lastIndex = from;
    const step = stepOf(STEP.exec(path)?.groups);
    if (!step) return undefined;
    steps.push(step);
  }
  return steps.length <= MAX_STEPS ? steps : undefined;
}

/** A bracket begins a step, and behind another step so does a dot before a name. */
function beginOfStep(path: string, at: number): number | undefined {
  if (at === 0 || path[at] === '[') return at;
  return path[at] === '.' && path[at + 1] !== '[' ? at + 1 : undefined;
}

function stepOf(groups: Readonly<Record<string, string | undefined>> | undefined): PathStep | undefined {
  if (!groups) return undefined;
  const { name, every, index, quoted } = groups;
  if (every !== undefined) return { kind: 'index', index: undefined };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  // Without either it was "*", for any name.
  return { kind: 'name', name: name ?? quoted };
}

/** True when a step leads to a field of this name, or to an element at this index. */
export function isStepTo(step: PathStep, to: string | number): boolean {
  if (typeof to === 'number') return step.kind === 'index' && (step.index ?? to) === to;
  return step.kind === 'name' && (step.name ?? to) === to;
}
