import { MessagingError } from '../ports/errors.js';
import { installedVersion, isInRange } from './installed-version.js';

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
  /** Whether the module has what only supported versions have, where nothing says which version it is. */
  readonly isSupported: (loaded: T) => boolean;
  /** What to do about one that cannot be loaded, when it is not the version. */
  readonly advice?: string;
  readonly versionOf?: (name: string) => string | undefined;
}

/**
 * Loads it.
 *
 * @throws MessagingError with the package and its range: `DEPENDENCY_MISSING`, or `DEPENDENCY_UNUSABLE` when it is of another
 *   version or damaged.
 */
export async function loadClient<T extends object>(client: OptionalClient<T>): Promise<T> {
  const { usedBy, name, range, install, versionOf = installedVersion } = client;
  const needs = `${usedBy} the package "${name}" (${range})`;
  const version = versionOf(name);
  if (version !== undefined && !isInRange(version, range)) throw unusable(client, `version ${version}`);
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
    const advice = client.advice === undefined ? '' : ` ${client.advice}`;
    const message = `${needs}, which is installed and cannot be loaded: ${firstLine(error)}${advice}`;
    throw new MessagingError('DEPENDENCY_UNUSABLE', message, { cause: error });
  }
  if (client.isSupported(loaded)) return loaded;
  throw unusable(client, 'another version');
}

function unusable<T>({ usedBy, name, range, install }: OptionalClient<T>, found: string): MessagingError {
  const message = `${usedBy} the package "${name}" (${range}), but ${found} is installed. Install a supported one: npm install ${install}`;
  return new MessagingError('DEPENDENCY_UNUSABLE', message);
}

/** A package that the client itself needs can be missing too: that is no reason to install the client. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message = '' } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
