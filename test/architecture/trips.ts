import * as path from 'node:path';

/** One trip of a message through one broker's folder, as docs/changing/message-path.md lists it. */
export interface Trip {
  /** The heading above it, such as `Publish`. */
  readonly section: string;
  readonly broker: string;
  /** What the page counts. */
  readonly count: number;
  readonly files: readonly string[];
  /** Files of the publish trip at which this one joins it. */
  readonly joins: readonly string[];
  /** Why it is longer than the aim; empty where it is not. */
  readonly reason: string;
}

const FILE = /`([\w./-]+\.(?:ts|lua))`/g;
/** `- **Redis** (8): files. Reason: text`, over several lines. */
const TRIP = /^ *- \*\*(?<broker>\w+)\*\* \((?<count>\d+)\): (?<rest>.*(?:\n(?! *(?:- |\d\. )) +\S.*)*)/gm;

/** The trips of the page, in its order. */
export function readTrips(page: string): readonly Trip[] {
  return page.split(/^## /m).flatMap((section) => {
    const title = section.split('\n', 1)[0] ?? '';
    return [...section.matchAll(TRIP)].map(({ groups }) => {
      const { broker = '', count, rest = '' } = groups ?? {};
      const [way = '', reason = ''] = rest.split(/\.\s+Reason: /);
      const stops = way.split(/\s+>\s+/);
      return {
        section: title,
        broker,
        count: Number(count),
        files: stops.filter((stop) => !stop.startsWith('_')).flatMap(namesIn),
        joins: stops.filter((stop) => stop.startsWith('_')).flatMap(namesIn),
        reason,
      };
    });
  });
}

/** The files that the page names beside the trips of brokers. */
export function namesBesideTrips(page: string): readonly string[] {
  return [...new Set(namesIn(page.replace(TRIP, '')))];
}

function namesIn(text: string): string[] {
  return [...text.matchAll(FILE)].map(([, name = '']) => name);
}

/** Modules that hand on what they import: who imports them reaches that. */
const RELAYS = ['/client/kafkajs-client.ts', '/kafkajs/patches.ts'];

/**
 * The files that a source reaches by its imports.
 *
 * A script of a server is reached through a constant: `PUBLISH` of an index that makes it of `PUBLISH_LUA`, which the generated
 * module beside it has from `publish.lua`.
 *
 * @param sources texts by file name.
 */
export function importsOf(file: string, sources: ReadonlyMap<string, string>): readonly string[] {
  const imported = [...(sources.get(file) ?? '').matchAll(IMPORT)].flatMap(({ groups }) => {
    const { names = '', target = '' } = groups ?? {};
    const module = path.join(path.dirname(file), `${target}.ts`);
    return [module, ...scriptsOf(module, names.match(/\w+/g) ?? [], sources)];
  });
  const relayed = imported.filter((module) => RELAYS.some((relay) => module.endsWith(relay)));
  return [...imported, ...relayed.flatMap((relay) => importsOf(relay, sources))];
}

/** `import { names } from './target.js'`, and every other way to import. */
const IMPORT = /(?:\{(?<names>[^{}]*)\} from|from|import) '(?<target>\.[^']+)\.js'/g;

function scriptsOf(
  module: string,
  names: readonly string[],
  sources: ReadonlyMap<string, string>,
): readonly string[] {
  const text = sources.get(module) ?? '';
  const [, alias] = /import \* as (\w+) from '\.\/assets\.generated\.js'/.exec(text) ?? [];
  if (alias === undefined) return [];
  const constants = text.matchAll(new RegExp(`^export const (\\w+) = .*\\b${alias}\\.(\\w+)_LUA\\b`, 'gm'));
  return [...constants]
    .filter(([, name = '']) => names.includes(name))
    .map(([, , script = '']) =>
      path.join(path.dirname(module), `${script.toLowerCase().replaceAll('_', '-')}.lua`),
    );
}
