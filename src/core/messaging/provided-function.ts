/** Where providers are found. */
export interface ProviderLookup {
  /** Throws when no module provides it, or when it is not of the default scope. */
  readonly get: (token: string) => unknown;
}

/**
 * What an option means: a function itself, or the method of a provider that a class or a token names. Otherwise what is
 * wrong with it, as the end of a sentence.
 */
export function providedFunction(
  entry: unknown,
  { method, interfaceName }: { readonly method: string; readonly interfaceName: string },
  providers: ProviderLookup,
): unknown {
  if (typeof entry === 'function' && !isClass(entry, method)) return entry;
  const isToken = ['function', 'string', 'symbol'].includes(typeof entry);
  let instance = entry;
  if (isToken) {
    try {
      instance = providers.get(entry as string);
    } catch {
      return 'no module provides, or which is not of the default scope. Add it to the providers of a module';
    }
  }
  const found = typeof instance === 'object' && instance !== null ? (instance as Methods)[method] : undefined;
  return typeof found === 'function'
    ? (found.bind(instance) as unknown)
    : `has no method ${method}. Implement ${interfaceName}, or give a function`;
}

type Methods = Record<string, unknown>;

function isClass(entry: object, method: string): boolean {
  const { prototype } = entry as { prototype?: Methods };
  return prototype?.[method] !== undefined || /^class\b/.test(Function.prototype.toString.call(entry));
}

/** The value of such an option, for a sentence. */
export function nameOfEntry(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : value.name;
  if (typeof value === 'object' && value !== null)
    return `an object of the class ${(value.constructor as { name?: string } | undefined)?.name ?? 'null'}`;
  return String(value);
}
