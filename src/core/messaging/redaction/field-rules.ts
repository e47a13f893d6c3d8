import { isStepTo, type PathStep, stepsOf } from './field-path.js';
import { compileNamePattern, isSecretName } from './name-pattern.js';
import type { RedactionAction, RedactionOptions, RedactionRule } from './redaction-options.js';

interface PathRule {
  readonly kind: 'path';
  readonly steps: readonly PathStep[];
  readonly action: RedactionAction;
}
interface NameRule {
  readonly kind: 'name';
  readonly matches: (name: string) => boolean;
  readonly action: RedactionAction;
}

/** Path rules that a place may still lead to, with the steps already taken. */
export type Trail = ReadonlyMap<PathRule, number>;

/** What rules say of one step down. */
export interface Verdict {
  readonly action: RedactionAction | undefined;
  readonly trail: Trail;
}

/** Names whose rules are remembered, because messages of a topic have the same ones. */
const MAX_KNOWN_NAMES = 2_000;
const MAX_KNOWN_LENGTH = 100;

const NOWHERE: Trail = new Map();

/** The rules of one topic, in the order in which they are tried. */
export class FieldRules {
  readonly #rules: readonly (PathRule | NameRule)[];
  /** Of the root of a payload. */
  readonly root: Trail;
  readonly #names: readonly NameRule[];
  readonly #byName = new Map<string, NameRule | null>();
  readonly messageKey: RedactionAction | undefined;

  /** @param rules those that hold for the topic, without a problem. */
  constructor(
    rules: readonly RedactionRule[],
    readonly defaults: NonNullable<RedactionOptions['defaults']>,
  ) {
    this.#rules = [
      ...rules.flatMap(compiled),
      ...(defaults ? [{ kind: 'name', matches: isSecretName, action: 'replace' } as const] : []),
    ];
    this.#names = this.#rules.filter((rule) => rule.kind === 'name');
    const paths = this.#rules.filter((rule) => rule.kind === 'path');
    this.root = new Map(paths.map((rule) => [rule, 0]));
    this.messageKey = rules.find(({ messageKey }) => messageKey === true)?.action;
  }

  /** True when nothing is hidden. */
  get isEmpty(): boolean {
    return this.#rules.length === 0 && this.messageKey === undefined;
  }

  /** For the name of a header, and in texts. */
  ofName = (name: string): RedactionAction | undefined => this.#ofName(name)?.action;

  /** False when it is certain that this JSON has no hidden field, which is so for most messages. */
  mayHideIn(json: string): boolean {
    const own = this.defaults ? this.#rules.length - 1 : this.#rules.length;
    if (own > 0) return true;
    // A name may be written with escapes.
    return this.defaults && (json.includes('\\u') || isSecretName(json));
  }

  #ofName(name: string): NameRule | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined) return known ?? undefined;
    const found = this.#names.find(({ matches }) => matches(name));
    if (name.length > MAX_KNOWN_LENGTH) return found;
    if (this.#byName.size >= MAX_KNOWN_NAMES) this.#byName.clear();
    this.#byName.set(name, found ?? null);
    return found;
  }

  /** For a field of an object, by its name, or an element of a list, by its index. */
  below(trail: Trail, to: string | number): Verdict {
    const named = typeof to === 'string' ? this.#ofName(to) : undefined;
    if (trail.size === 0) return { action: named?.action, trail: NOWHERE };
    const next = advanced(trail, to);
    const decides = (rule: PathRule | NameRule): boolean =>
      rule.kind === 'path' ? next.get(rule) === rule.steps.length : rule === named;
    const action = this.#rules.find(decides)?.action;
    return { action, trail: next.size === 0 ? NOWHERE : next };
  }
}

function advanced(trail: Trail, to: string | number): ReadonlyMap<PathRule, number> {
  const next = new Map<PathRule, number>();
  for (const [rule, taken] of trail) {
    const step = rule.steps[taken];
    if (step && isStepTo(step, to)) next.set(rule, taken + 1);
  }
  return next;
}

function compiled({ path, name, action }: RedactionRule): (PathRule | NameRule)[] {
  if (path !== undefined) return [{ kind: 'path', steps: stepsOf(path) ?? [], action }];
  if (name !== undefined) return [{ kind: 'name', matches: compileNamePattern(name), action }];
  return [];
}
