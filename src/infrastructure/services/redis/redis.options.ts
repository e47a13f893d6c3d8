import { z } from 'zod';
import { addressSchema, readText } from '../addresses/address-schema.js';
import { ENCODE, readServerUrl, type ServerUrl } from '../addresses/server-url.js';
import { isLoopback, readHostAndPort } from '../addresses/host-and-port.js';
import { type InsecureUse, plaintextLogin, unverifiedTls } from '../production/insecure-use.js';
import { problemsOfTls, tlsSchema } from '../tls/tls-options.js';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const MAX_DATABASE = 1_000;

const address = addressSchema('Address of a server.');

const secret = (description: string): z.ZodOptional<z.ZodString> =>
  z.string().min(1).meta({ description, secret: true }).optional();

/** Without characters that have a meaning in ACL rules and patterns of keys. */
const PREFIX = /^[A-Za-z0-9:._-]{1,100}$/;

/** How to reach the server or servers. */
const redisServerSchema = z.strictObject({
  url: readText((text) => {
    const read = readRedisUrl(text);
    return 'problem' in read ? read.problem : undefined;
  })
    .meta({
      description: 'One server: redis://user:password@host:port/database, rediss:// for TLS.',
      allowed: 'a URL that starts with redis:// or rediss://',
      secret: true,
    })
    .optional(),
  sentinels: z
    .array(address)
    .min(1)
    .optional()
    .describe('Sentinels that monitor the primary, instead of `url`.'),
  sentinelName: z.string().min(1).default('mymaster').describe('Name of the primary among the sentinels.'),
  sentinelUsername: z.string().min(1).optional().describe('User for the sentinels themselves.'),
  sentinelPassword: secret('Password for the sentinels themselves.'),
  cluster: z
    .array(address)
    .min(1)
    .optional()
    .describe('Some nodes of a cluster, instead of `url`; the others are discovered.'),
  username: z.string().min(1).optional().describe('User, where the URL has none.'),
  password: secret('Password, where the URL has none.'),
  database: z
    .int()
    .min(0)
    .max(MAX_DATABASE)
    .default(0)
    .describe('Number of the database. A cluster has only 0.'),
  tls: tlsSchema.optional().describe('Encrypts the connections, also those to the sentinels.'),
  keyPrefix: z
    .string()
    .regex(PREFIX)
    .meta({
      description: 'Start of the name of every key.',
      allowed: '1 to 100 letters, digits, ":", ".", "_" and "-"',
    })
    .default('switchyard:'),
  connectTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('Longest time for a connection to become ready.'),
  commandTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(5_000)
    .describe('A server that sends nothing for this time while a command waits counts as disconnected.'),
  natMap: z
    .record(address, address)
    .optional()
    .describe('Reachable address for each address that sentinels and nodes announce.'),
});

/** Options of the Redis transport. */
export const redisOptionsSchema = redisServerSchema.extend({
  replicas: z
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe('Replicas that must have a message before it counts as accepted.'),
  replicasTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(1_000)
    .describe('Longest wait for them; a message that is not confirmed by then is unknown.'),
  leaseMs: z
    .int()
    .min(500)
    .max(600_000)
    .default(8_000)
    .describe('Other processes take over the messages of a process that is silent for this time.'),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(64 * MIB)
    .default(16 * MIB)
    .describe('Largest message, headers included. A larger one is refused.'),
  topology: z
    .enum(['declare', 'verify'])
    .default('declare')
    .describe('Whether streams and groups are created, or only checked.'),
  orphanRetentionMs: z
    .int()
    .min(1)
    .default(7 * DAY_MS)
    .describe('How long messages of a topic without any group are kept.'),
});

export type RedisServerOptions = z.output<typeof redisServerSchema>;
export type RedisOptions = z.output<typeof redisOptionsSchema>;

/** The URL of a server with the number of its database; `problem` as {@link readServerUrl} has it. */
export function readRedisUrl(
  text: string,
): { readonly url: ServerUrl; readonly database?: number } | { readonly problem: string } {
  const read = readServerUrl(text, ['redis', 'rediss']);
  if ('problem' in read) return read;
  const { path } = read.url;
  if (path === undefined) return read;
  const database = /^\d{1,4}$/.test(path) ? Number(path) : Infinity;
  if (database <= MAX_DATABASE) return { ...read, database };
  const found = `has a database that is no number from 0 to ${MAX_DATABASE} behind its host`;
  return { problem: `${found} (URL not shown). ${ENCODE}` };
}

/** Mistakes between the options, as sentences. */
export function problemsOfServer(options: Partial<RedisServerOptions>): string[] {
  const ways = (['url', 'sentinels', 'cluster'] as const).filter((way) => options[way] !== undefined);
  const problems: string[] = [];
  if (ways.length !== 1)
    problems.push(
      `needs exactly one of url, sentinels and cluster${ways.length > 1 ? `, not ${ways.join(' and ')}` : ''}.`,
    );
  if (options.cluster && (options.database ?? 0) !== 0)
    problems.push('has a cluster, which has only database 0. Remove database.');
  return [
    ...problems,
    ...problemsOfUrl(options),
    ...problemsOfLogins(options),
    ...problemsOfTls(options.tls),
  ];
}

/** Also for options that no schema has seen. */
function problemsOfUrl({ url, database = 0 }: Partial<RedisServerOptions>): string[] {
  if (url === undefined) return [];
  const read = readRedisUrl(url);
  if ('problem' in read) return [`has a url that ${read.problem}.`];
  if (database === 0 || read.database === undefined || read.database === database) return [];
  return [`has database ${database}, and its url names database ${read.database}. Keep one of them.`];
}

/** The user and password that count: those of the URL before those beside it. */
function loginOf({ url, username, password }: Partial<RedisServerOptions>): {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
} {
  const read = url === undefined ? undefined : readRedisUrl(url);
  const own = read && 'url' in read ? read.url : undefined;
  return { username: own?.username ?? username, password: own?.password ?? password };
}

/** What the client would ignore without a word. */
function problemsOfLogins(options: Partial<RedisServerOptions>): string[] {
  const { username, password } = loginOf(options);
  const isGiven = (key: 'url' | 'sentinels' | 'natMap' | 'sentinelUsername' | 'sentinelPassword'): boolean =>
    options[key] !== undefined;
  const rules: readonly (readonly [boolean, string])[] = [
    [
      username !== undefined && password === undefined,
      'has a user and no password, without which the client does not log in. Set password.',
    ],
    [
      isGiven('sentinelUsername') && !isGiven('sentinelPassword'),
      'has sentinelUsername and no sentinelPassword. Set both, or neither.',
    ],
    [
      isGiven('sentinelPassword') && !isGiven('sentinels'),
      'has sentinelPassword and no sentinels. Remove it, or set sentinels instead of url.',
    ],
    [isGiven('natMap') && isGiven('url'), 'has natMap, which only sentinels and cluster use. Remove it.'],
  ];
  return rules.flatMap(([isWrong, problem]) => (isWrong ? [problem] : []));
}

/** What production refuses of the options. */
export function insecureRedis(options: Partial<RedisServerOptions>): readonly InsecureUse[] {
  const { sentinelPassword, tls, sentinels = [], cluster = [] } = options;
  const uses = [...unverifiedTls(tls)];
  if (tls !== undefined) return uses;
  const hasPassword = loginOf(options).password !== undefined;
  const plain = (key: string, isSent: boolean): readonly InsecureUse[] =>
    isSent ? [plaintextLogin([key], 'Use rediss:// or set tls.')] : [];
  return [
    ...uses,
    ...plain('url', hasPassword && isPlainElsewhere(options.url)),
    ...plain('sentinels', hasPassword && sentinels.some(isElsewhere)),
    ...plain('cluster', hasPassword && cluster.some(isElsewhere)),
    ...plain('sentinelPassword', sentinelPassword !== undefined && sentinels.some(isElsewhere)),
  ];
}

function isPlainElsewhere(url: string | undefined): boolean {
  const read = url === undefined ? undefined : readRedisUrl(url);
  return read !== undefined && 'url' in read && read.url.scheme === 'redis' && !isLoopback(read.url.host);
}

function isElsewhere(address: string): boolean {
  const read = readHostAndPort(address);
  return 'address' in read && !isLoopback(read.address.host);
}
