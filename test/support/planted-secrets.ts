import { variableName } from '../../src/config/environment.js';
import type { Shape } from '../../src/config/shape.js';

/** What must not appear in anything that is printed. */
export const SECRET = 'S3CR3T-4f1c9d';
const SECRET_NUMBER = 8_273_645_182;

/** Values that people paste at a wrong place, each with the secret. */
export const PLANTED: readonly unknown[] = [
  SECRET,
  `${SECRET} `,
  `redis://:${SECRET}#x@127.0.0.1:1`,
  `redis://u:12/${SECRET}@127.0.0.1:1/0`,
  `rediss://u:${SECRET}100%@127.0.0.1:1`,
  `redis://127.0.0.1:1/${SECRET}`,
  `amqp://u:${SECRET}?x@127.0.0.1:1`,
  `amqps://u:${SECRET}@127.0.0.1:x`,
  `u:${SECRET}@127.0.0.1:1`,
  `https://ana:${SECRET}@example.com/x`,
  `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`,
  SECRET_NUMBER,
  [SECRET],
  [[SECRET]],
  { password: SECRET },
  { [`u:${SECRET}@h`]: 1 },
];

/** True when a text shows a planted secret, encoded or not. */
export function showsSecret(text: string): boolean {
  return [SECRET, encodeURIComponent(SECRET), SECRET_NUMBER].some((secret) => text.includes(String(secret)));
}

/** A place in the settings. */
export interface Place {
  readonly path: readonly (string | number)[];
  /** The kind of transport that has the key. */
  readonly kind?: string;
  readonly shape: Shape;
}

/** Every key of the settings, groups and lists included, also keys within lists and of each kind of transport. */
export function placesIn(shape: Shape, path: Place['path'] = [], kind?: string): Place[] {
  const own: Place[] = path.length === 0 ? [] : [{ path, shape, ...(kind !== undefined && { kind }) }];
  switch (shape.kind) {
    case 'group':
      return [...own, ...[...shape.keys].flatMap(([key, below]) => placesIn(below, [...path, key], kind))];
    case 'map':
      return [...own, ...placesIn(shape.value, [...path, 'x'], kind)];
    case 'variants':
      return [
        ...own,
        ...[...shape.options].flatMap(([option, group]) => placesIn(group, path, option).slice(1)),
      ];
    case 'list':
      return [...own, ...placesIn(shape.item, [...path, 0], kind)];
    case 'value':
      return own;
  }
}

/** Transports that work, one of each kind, without a server. */
const TRANSPORTS: Readonly<Record<string, object>> = {
  memory: {},
  embedded: {},
  redis: { url: 'redis://127.0.0.1:1' },
  rabbitmq: { urls: ['amqp://127.0.0.1:1'] },
  kafka: { brokers: ['127.0.0.1:1'] },
  failover: { members: ['a', 'b'] },
  balanced: { members: ['a', 'b'] },
  spooled: { transport: 'a', spool: 'disk' },
};

/** Settings that are valid and need no server, with a transport `x` of this kind. */
export function validSettings(kind = 'memory'): Record<string, unknown> {
  return {
    service: 'shop',
    connect: 'background',
    transports: {
      x: { kind, ...structuredClone(TRANSPORTS[kind]) },
      a: { kind: 'memory' },
      b: { kind: 'memory' },
      disk: { kind: 'embedded' },
    },
    routes: [{ match: '**', transport: 'x' }],
    drain: ['a', 'b', 'disk'],
    deadLetters: { store: 'memory' },
    idempotency: { store: 'memory' },
  };
}

/** Keys that a group needs beside the one with the secret; of a list, each of its entries. */
const SIBLINGS: Readonly<Record<string, object>> = {
  sasl: { mechanism: 'plain', username: 'u', password: 'p' },
  apiKeys: { name: 'ana' },
  routes: { match: '**', transport: 'x' },
};

/** Valid settings, but for the value at this place. */
export function settingsWith({ path, kind }: Place, value: unknown): Record<string, unknown> {
  const settings = validSettings(kind);
  if (path.some((segment) => /^(sentinels|sentinelPassword|cluster)$/.test(String(segment))))
    settings['transports'] = {
      ...(settings['transports'] as object),
      x: { kind, sentinels: ['127.0.0.1:1'] },
    };
  if (path.includes('cluster'))
    settings['transports'] = { ...(settings['transports'] as object), x: { kind } };
  let at: Record<string | number, unknown> = settings;
  path.slice(0, -1).forEach((segment, index) => {
    const isList = typeof path[index + 1] === 'number';
    const owner = typeof segment === 'number' ? path[index - 1] : segment;
    at = (at[segment] ??= isList ? [] : { ...SIBLINGS[owner ?? ''] }) as typeof at;
  });
  at[path.at(-1) ?? ''] = value;
  return settings;
}

/** The variable of a place; undefined within a list, which is one variable as a whole. */
export function variableOf({ path }: Place): string | undefined {
  return path.some((segment) => typeof segment === 'number') ? undefined : variableName(path.map(String));
}
