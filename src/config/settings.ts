import type { YamlSource } from './yaml-source.js';

/** Name of the transport that `fallback` adds when none of its kind is configured. */
export const FALLBACK_NAME = 'fallback';

const CODE = '';

/** Values from all sources before they are checked, each with its source. */
export class Settings {
  readonly root = Object.create(null) as Record<string, unknown>;
  readonly problems: string[] = [];
  readonly #origins = new Map<string, string>();
  readonly #hidden = new Set<string>();

  /** Adds the values of a file. An empty file is valid; a file that is not a group of keys is a problem. */
  addFile(name: string, source: YamlSource): void {
    for (const problem of source.problems) this.problems.push(`${name}, ${problem}.`);
    if (source.value === undefined || source.value === null) return;
    if (!isGroup(source.value)) {
      this.problems.push(`${name} must hold keys and values.`);
      return;
    }
    merge(this.root, source.value);
    for (const [path, line] of source.lines) this.#origins.set(path, `${name} line ${line}`);
  }

  /** Adds what an application gives in code, which needs no name of a source. */
  addCode(value: Record<string, unknown>): void {
    merge(this.root, value);
    const mark = (below: unknown, path: readonly string[]): void => {
      this.#origins.set(path.join('.'), CODE);
      if (typeof below === 'object' && below !== null)
        for (const [key, child] of Object.entries(below)) mark(child, [...path, key]);
    };
    for (const [key, below] of Object.entries(value)) mark(below, [key]);
  }

  /**
   * Sets one value, and creates the groups above it. `origin` names its source; `hidden` keeps it out of every
   * message.
   */
  set(path: readonly string[], value: unknown, origin: string, hidden = false): void {
    let group = this.root;
    for (const segment of path.slice(0, -1)) {
      const below = group[segment];
      group = isGroup(below) ? below : (group[segment] = Object.create(null) as Record<string, unknown>);
    }
    group[path.at(-1) ?? ''] = value;
    this.#origins.set(path.join('.'), origin);
    if (hidden) this.#hidden.add(path.join('.'));
  }

  get(path: readonly string[]): unknown {
    return path.reduce<unknown>((value, segment) => {
      if (Array.isArray(value)) return (value as unknown[])[Number(segment)];
      return isGroup(value) ? value[segment] : undefined;
    }, this.root);
  }

  /** Where the value or its nearest group was set; undefined when neither was, or when code has set it. */
  originOf(path: readonly string[]): string | undefined {
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(path.slice(0, length).join('.'));
      if (origin !== undefined) return origin === CODE ? undefined : origin;
    }
    return undefined;
  }

  /** A path as people write it: `transports.events.brokers[0]`. */
  pathText(path: readonly string[], write: (key: string) => string = (key) => key): string {
    return path.reduce((text, segment, index) => {
      if (Array.isArray(this.get(path.slice(0, index)))) return `${text}[${segment}]`;
      return index === 0 ? write(segment) : `${text}.${write(segment)}`;
    }, '');
  }

  /** True for a value that was read from a secret file. */
  isHidden(path: readonly string[]): boolean {
    return path.some((_, index) => this.#hidden.has(path.slice(0, index + 1).join('.')));
  }
}

/** True for a set of keys and values, as opposed to a list or a plain value. */
export function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets the keys of one group in another: groups key by key, everything else as a whole. */
function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === null) continue; // a key without a value was not given
    const existing = into[key];
    if (isGroup(existing) && isGroup(value) && isSameKind(existing, value)) merge(existing, value);
    else into[key] = value;
  }
}

/** Keys of one kind of transport mean nothing to another. */
function isSameKind({ kind }: Record<string, unknown>, { kind: other }: Record<string, unknown>): boolean {
  return kind === undefined || other === undefined || kind === other;
}
