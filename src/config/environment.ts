import { nearestName } from './did-you-mean.js';
import { isGroup, type Settings } from './settings.js';
import { type Shape, variantOf, type VariantsShape } from './shape.js';
import type { SettingsSources } from './sources.js';
import type { YamlSource } from './yaml-source.js';

/** Paths of keys by the variables that set them. */
export type ShortNames = Readonly<Record<string, readonly string[]>>;

const PREFIX = 'SWITCHYARD_';
const FILE_SUFFIX = '_FILE';

/** The variable that names the file; the only one under the prefix that is not a setting. */
export function configFileVariable(prefix = PREFIX): string {
  return `${prefix}CONFIG`;
}

/** Kubernetes sets these in every pod, for each Service whose name begins as the variables do; they are no settings. */
const SERVICE_LINK =
  /^(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|^(\w+_)?PORT=(tcp|udp|sctp):\/\//;

/** `maxBytes` as a variable writes it: `MAX_BYTES`. */
function variableSegment(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/-/g, '_')
    .toUpperCase();
}

/** The variable that sets the key with this path. */
export function variableName(path: readonly string[], prefix = PREFIX): string {
  return prefix + path.map(variableSegment).join('__');
}

/** Overrides settings by variables. An empty variable counts as not set. */
export function addEnvironment(
  settings: Settings,
  shape: Shape,
  sources: SettingsSources,
  shortNames: ShortNames,
): void {
  const { env, prefix = PREFIX } = sources;
  for (const [name, path] of Object.entries(shortNames)) {
    const value = env[name];
    if (value !== undefined && value !== '') settings.set(path, value, name);
  }
  const names = Object.keys(env).filter((name) => name.startsWith(prefix) && env[name] !== '');
  // Parents before children, so that further variables can override parts of a list or group.
  for (const name of names.sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))) {
    const link = `${name.slice(prefix.length)}=${env[name] ?? ''}`;
    if (name === configFileVariable(prefix) || SERVICE_LINK.test(link)) continue;
    addVariable(settings, shape, name, { ...sources, prefix });
  }
}

function depthOf(name: string): number {
  return name.split('__').length;
}

function addVariable(
  settings: Settings,
  shape: Shape,
  name: string,
  sources: SettingsSources & { readonly prefix: string },
): void {
  const { env, prefix, readFile, readYaml } = sources;
  const key = name.slice(prefix.length);
  const direct = resolve(shape, key, settings);
  const base = name.slice(0, -FILE_SUFFIX.length);
  const found =
    direct ??
    (name.endsWith(FILE_SUFFIX) ? resolve(shape, key.slice(0, -FILE_SUFFIX.length), settings) : undefined);
  if (found === undefined) {
    settings.problems.push(unknownVariable(settings, shape, key, prefix));
    return;
  }
  let text = env[name] ?? '';
  if (direct === undefined) {
    if (env[base] !== undefined && env[base] !== '') {
      settings.problems.push(`${base} and ${name} are both set; keep one.`);
      return;
    }
    try {
      text = readFile(text).replace(/\r?\n$/, '');
    } catch (error) {
      // The value is not repeated, because the most likely mistake is to put the secret itself there.
      settings.problems.push(`${name} must hold the path of a file that can be read (${codeOf(error)}).`);
      return;
    }
  }
  const value = found.shape.kind === 'value' ? text : parseWhole(settings, name, readYaml(text));
  settings.set(found.path, value, name, direct === undefined);
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'unreadable';
}

/** Lists and groups are written as YAML or JSON. */
function parseWhole(settings: Settings, name: string, { value, problems }: YamlSource): unknown {
  for (const problem of problems) settings.problems.push(`${name}, ${problem}.`);
  return value;
}

interface Resolved {
  readonly path: readonly string[];
  readonly shape: Shape;
}

function resolve(shape: Shape, key: string, settings: Settings): Resolved | undefined {
  let at: Resolved = { path: [], shape };
  for (const segment of key.split('__')) {
    const next = step(at, segment, settings.get(at.path));
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

function step({ path, shape }: Resolved, segment: string, current: unknown): Resolved | undefined {
  if (segment === '') return undefined;
  if (shape.kind === 'map') {
    const known = isGroup(current) ? Object.keys(current) : [];
    const name =
      known.find((key) => variableSegment(key) === segment) ?? segment.toLowerCase().replace(/_/g, '-');
    return { path: [...path, name], shape: shape.value };
  }
  const keys = keysOf(shape, current);
  const key = [...keys.keys()].find((name) => variableSegment(name) === segment);
  const below = key === undefined ? undefined : keys.get(key);
  return key === undefined || below === undefined ? undefined : { path: [...path, key], shape: below };
}

function keysOf(shape: Shape, current: unknown): ReadonlyMap<string, Shape> {
  if (shape.kind === 'group') return shape.keys;
  return shape.kind === 'variants' ? keysOfVariants(shape, current) : new Map<string, Shape>();
}

/** The keys of the chosen variant, or of all variants while none is chosen. */
function keysOfVariants(shape: VariantsShape, current: unknown): ReadonlyMap<string, Shape> {
  const chosen = variantOf(shape, current);
  if (chosen !== undefined) {
    // A variable can change the choice, so the keys of the other variants stay reachable.
    return new Map([...allKeys(shape), ...chosen.keys]);
  }
  return allKeys(shape);
}

function allKeys(shape: VariantsShape): Map<string, Shape> {
  return new Map([...shape.options.values()].flatMap((option) => [...option.keys]));
}

function unknownVariable(settings: Settings, shape: Shape, key: string, prefix: string): string {
  const nearest = nearestName(key, knownVariables(shape, [], settings));
  const hint =
    nearest === undefined
      ? 'docs/using/configuration.md lists the variables.'
      : `Did you mean ${prefix}${nearest}?`;
  return `${prefix}${key} (environment) is not a known variable. ${hint}`;
}

/** Without their prefix. */
function knownVariables(shape: Shape, path: readonly string[], settings: Settings): string[] {
  const own = path.length === 0 ? [] : [variableName(path, ''), variableName(path, '') + FILE_SUFFIX];
  if (shape.kind === 'map') {
    const current = settings.get(path);
    const names = isGroup(current) ? Object.keys(current) : [];
    return [...own, ...names.flatMap((name) => knownVariables(shape.value, [...path, name], settings))];
  }
  const below = [...keysOf(shape, undefined)];
  return [...own, ...below.flatMap(([key, value]) => knownVariables(value, [...path, key], settings))];
}
