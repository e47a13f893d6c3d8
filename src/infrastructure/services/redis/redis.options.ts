import { z } from 'zod';
import { problemsOfTls, tlsSchema } from '../tls/tls-options.js';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const address = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):\d{1,5}$/)
  .meta({ description: 'Address of a server.', allowed: 'host:port' });

const secret = (description: string): z.ZodOptional<z.ZodString> =>
  z.string().min(1).meta({ description, secret: true }).optional();

/** Without characters that have a meaning in ACL rules and patterns of keys. */
const PREFIX = /^[A-Za-z0-9:._-]{1,100}$/;

/** How to reach the server or servers. */
const redisServerSchema = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\/.+/)
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
  database: z.int().min(0).max(1_000).default(0).describe('Number of the database. A cluster has only 0.'),
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
    .record(z.string(), address)
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
  return [...problems, ...problemsOfTls(options.tls)];
}
