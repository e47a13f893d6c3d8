import { MessagingError } from '../ports/errors.js';

/** A client library that is installed only by those who use it. */
export interface OptionalClient<T> {
  /** What does not work without it, as the subject of a sentence. */
  readonly usedBy: string;
  readonly name: string;
  /** The range of versions in the manifest of this package. */
  readonly range: string;
  /** What `npm install` is given. */
  readonly install: string;
  readonly load: () => Promise<unknown>;
  /** Whether the module has what only supported versions have. */
  readonly isSupported: (loaded: T) => boolean;
}

/**
 * Loads it.
 *
 * @throws MessagingError with the package and its range: `DEPENDENCY_MISSING`, or `DEPENDENCY_UNUSABLE` when it is too old or
 *   damaged.
 */
export async function loadClient<T extends object>(client: OptionalClient<T>): Promise<T> {
  const { usedBy, name, range, install } = client;
  const needs = `${usedBy} the package "${name}" (${range})`;
  let loaded: T;
  try {
    const module = (await client.load()) as { readonly default?: T } & T;
    // Node finds only some names of a CommonJS package; its default export has all of them.
    loaded = module.default && client.isSupported(module.default) ? module.default : module;
  } catch (error) {
    if (isMissing(error, name)) {
      const message = `${needs}, which is not installed. Install it: npm install ${install}`;
      throw new MessagingError('DEPENDENCY_MISSING', message, { cause: error });
    }
    const message = `${needs}, which is installed and cannot be loaded: ${firstLine(error)}`;
    throw new MessagingError('DEPENDENCY_UNUSABLE', message, { cause: error });
  }
  if (client.isSupported(loaded)) return loaded;
  const message = `${needs}; the installed version is another one. Install a supported one: npm install ${install}`;
  throw new MessagingError('DEPENDENCY_UNUSABLE', message);
}

/** A package that the client itself needs can be missing too: that is no reason to install the client. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message = '' } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
