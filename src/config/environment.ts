import { nearestName } from './did-you-mean.js';
import { isGroup, type Settings } from './settings.js';
import { type Shape, variantOf, type VariantsShape } from './shape.js';
import type { SettingsSources } from './sources.js';
import type { YamlSource } from './yaml-source.js';

/** Paths of keys by the variables that set them. */
export type ShortNames = Readonly<Record<string, readonly string[]>>;

const PREFIX = 'SWITCHYARD_';
const FILE_SUFFIX = '_FILE';

/** The one that is not a setting. */
export const CONFIG_FILE_VARIABLE = `${PREFIX}CONFIG`;

/** Kubernetes sets these in every pod next to a Service named "switchyard"; they are not meant as settings. */
const SERVICE_LINK = /^SWITCHYARD_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_\w+)=|^SWITCHYARD_PORT=\w+:\/\//;

/** `maxBytes` as a variable writes it: `MAX_BYTES`. */
function variableSegment(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/-/g, '_')
    .toUpperCase();
}

/** The variable that sets the key with this path. */
export function variableName(path: readonly string[]): string {
  return PREFIX + path.map(variableSegment).join('__');
}

/** Overrides settings by variables. An empty variable counts as not set. */
export function addEnvironment(
  settings: Settings,
  shape: Shape,
  sources: SettingsSources,
  shortNames: ShortNames,
): void {
  const { env } = sources;
  for (const [name, path] of Object.entries(shortNames)) {
    const value = env[name];
    if (value !== undefined && value !== '') settings.set(path, value, name);
  }
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && env[name] !== '');
  // Parents before children, so that further variables can override parts of a list or group.
  for (const name of names.sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))) {
    if (name === CONFIG_FILE_VARIABLE || SERVICE_LINK.test(`${name}=${env[name] ?? ''}`)) continue;
    addVariable(settings, shape, name, sources);
  }
}

function depthOf(name: string): number {
  return name.split('__').length;
}

function addVariable(settings: Settings, shape: Shape, name: string, sources: SettingsSources): void {
  const { env, readFile, readYaml } = sources;
  const direct = resolve(shape, name, settings);
  const base = name.slice(0, -FILE_SUFFIX.length);
  const found = direct ?? (name.endsWith(FILE_SUFFIX) ? resolve(shape, base, settings) : undefined);
  if (found === undefined) {
    settings.problems.push(unknownVariable(settings, shape, name));
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

function resolve(shape: Shape, name: string, settings: Settings): Resolved | undefined {
  let at: Resolved = { path: [], shape };
  for (const segment of name.slice(PREFIX.length).split('__')) {
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

function unknownVariable(settings: Settings, shape: Shape, name: string): string {
  const nearest = nearestName(
    name.slice(PREFIX.length),
    knownVariables(shape, [], settings).map((known) => known.slice(PREFIX.length)),
  );
  const hint =
    nearest === undefined
      ? 'docs/using/configuration.md lists the variables.'
      : `Did you mean ${PREFIX}${nearest}?`;
  return `${name} (environment) is not a known variable. ${hint}`;
}

function knownVariables(shape: Shape, path: readonly string[], settings: Settings): string[] {
  const own = path.length === 0 ? [] : [variableName(path), variableName(path) + FILE_SUFFIX];
  if (shape.kind === 'map') {
    const current = settings.get(path);
    const names = isGroup(current) ? Object.keys(current) : [];
    return [...own, ...names.flatMap((name) => knownVariables(shape.value, [...path, name], settings))];
  }
  const below = [...keysOf(shape, undefined)];
  return [...own, ...below.flatMap(([key, value]) => knownVariables(value, [...path, key], settings))];
}
