/**
 * A module from inside kafkajs: undefined when this release of the client has none there, so that its patch is left out.
 */
export async function internal<T>(load: () => Promise<unknown>): Promise<T | undefined> {
  try {
    const loaded = (await load()) as { readonly default?: T } & T;
    return loaded.default ?? loaded;
  } catch {
    return undefined;
  }
}

/** Replaces a function of the client, once a process. One that is not there stays away, and its patch is left out. */
export function replaceFunction<T extends object, K extends keyof T & string>(
  owner: T | undefined,
  name: K,
  replacement: (original: NonNullable<T[K]>) => NonNullable<T[K]>,
): void {
  const mark = Symbol.for(`switchyard.kafkajs.${name}`);
  const original = owner?.[name];
  if (!owner || typeof original !== 'function' || Object.hasOwn(owner, mark)) return;
  Object.defineProperty(owner, mark, { value: true });
  owner[name] = replacement(original);
}
