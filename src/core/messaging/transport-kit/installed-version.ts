import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The version of a package that an import in this one finds. Undefined when it is in no folder above, which is so in a
 * bundle and with package managers that have archives.
 */
export function installedVersion(name: string, from = ownFile()): string | undefined {
  if (from === undefined) return undefined;
  for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
    const version = versionIn(path.join(folder, 'node_modules', name, 'package.json'));
    if (version !== undefined || folder === path.dirname(folder)) return version;
  }
}

function versionIn(manifest: string): string | undefined {
  try {
    const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { readonly version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

/** From the stack, because only one of our two builds has `import.meta`, and only the other `__filename`. */
function ownFile(): string | undefined {
  const errors: { prepareStackTrace?: unknown } = Error;
  const before = errors.prepareStackTrace;
  try {
    errors.prepareStackTrace = (_: Error, [here]: NodeJS.CallSite[]) => here?.getFileName();
    const file: unknown = new Error('only for its stack').stack;
    if (typeof file !== 'string') return undefined;
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return undefined; // frozen by the application
  } finally {
    if (errors.prepareStackTrace !== before) errors.prepareStackTrace = before;
  }
}

type Numbers = readonly [number, number, number];

/** Whether a version is in a range of the forms `^1.2.3` and `>=1.2.3`, or in one of several, as in `^1.2.3 || ^2.0.0`. */
export function isInRange(version: string, range: string): boolean {
  const found = numbersOf(version);
  if (found === undefined) return false;
  return range.split('||').some((part) => {
    const oldest = numbersOf(part);
    if (oldest === undefined) throw new TypeError(`The range ${range} has a form that is not known here.`);
    return !isOlder(found, oldest) && (!part.includes('^') || hasSameLead(found, oldest));
  });
}

function numbersOf(text: string): Numbers | undefined {
  const [, ...digits] = /^\s*(?:\^|>=)?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  return digits.length === 0 ? undefined : (digits.map(Number) as unknown as Numbers);
}

function isOlder(one: Numbers, other: Numbers): boolean {
  const steps = one.map((number, index) => number - (other[index] ?? 0));
  return (steps.find((step) => step !== 0) ?? 0) < 0;
}

/** Of the first number that is not 0, because the next one may break everything. */
function hasSameLead(one: Numbers, other: Numbers): boolean {
  const lead = other.findIndex((number) => number > 0);
  return other.slice(0, lead + 1).every((number, index) => number === one[index]);
}
