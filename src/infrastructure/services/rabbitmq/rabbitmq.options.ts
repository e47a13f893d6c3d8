import { z } from 'zod';
import { problemsOfTls, tlsSchema } from '../tls/tls-options.js';

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;

/** Leaves room for the names of a topic and a group within the 255 bytes of AMQP. */
const PREFIX = /^[A-Za-z0-9:._-]{1,60}$/;

/** Options of the RabbitMQ transport. */
export const rabbitmqOptionsSchema = z.strictObject({
  urls: z
    .array(
      z
        .string()
        .regex(/^amqps?:\/\/.+/)
        .meta({
          description: 'A node.',
          allowed: 'a URL that starts with amqp:// or amqps://',
          secret: true,
        }),
    )
    .min(1)
    .max(32)
    .meta({
      description:
        'Nodes of one cluster: amqp://user:password@host:port/vhost, amqps:// for TLS. One reachable node is enough.',
      allowed: 'URLs that start with amqp:// or amqps://',
      secret: true,
    }),
  username: z.string().min(1).optional().describe('User, when the URLs name none.'),
  password: z
    .string()
    .min(1)
    .meta({ description: 'Password, when the URLs contain none.', secret: true })
    .optional(),
  vhost: z.string().min(1).optional().describe('Virtual host, when the URLs name none. Without: "/".'),
  tls: tlsSchema.optional().describe('TLS options of amqps:// connections.'),
  namePrefix: z
    .string()
    .regex(PREFIX)
    .meta({
      description: 'Prefix of the name of every exchange and queue that is declared.',
      allowed: '1 to 60 letters, digits, ":", ".", "_" and "-"',
    })
    .default('switchyard.'),
  queueType: z
    .enum(['quorum', 'classic'])
    .default('quorum')
    .describe('`quorum` survives the loss of a node, `classic` lives on one node and is durable there.'),
  topology: z
    .enum(['declare', 'verify'])
    .default('declare')
    .describe(
      '`verify` declares nothing: it checks that exchanges and queues exist, and lists the commands for those that are missing.',
    ),
  deliveryLimit: z
    .int()
    .min(2)
    .max(10_000)
    .default(100)
    .describe(
      'Crashes with one message after which the broker removes it from its quorum queue; it becomes a dead letter.',
    ),
  keyPartitions: z
    .int()
    .min(1)
    .max(64)
    .refine((count) => Number.isInteger(Math.log2(count)), 'must be a power of two')
    .meta({
      description:
        'Queues of a group with order by key: the number of keys that the group handles at a time.',
      allowed: 'a power of two up to 64',
    })
    .default(8),
  connectTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('Longest time for a connection to become ready.'),
  operationTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe(
      'Longest wait for a reply to anything but a publish, and for a confirm before the connection is given up.',
    ),
  heartbeatMs: z
    .int()
    .min(1_000)
    .max(15_000)
    .multipleOf(1_000)
    .default(5_000)
    .describe('Heartbeat interval. A connection without traffic for twice this long is given up.'),
  maxUnconfirmed: z
    .int()
    .min(1)
    .max(20_000)
    .default(2_000)
    .describe('Most published messages without a confirm at a time.'),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(128 * MIB)
    .default(16 * MIB)
    .describe('Largest message, headers included. A larger one is refused.'),
  orphanRetentionMs: z
    .int()
    .min(1_000)
    .max(365 * DAY_MS)
    .default(7 * DAY_MS)
    .describe('How long messages are kept of a topic that no group has ever consumed.'),
});

export type RabbitmqOptions = z.output<typeof rabbitmqOptionsSchema>;

/** What is wrong between the options, as sentences that follow the name of the transport. */
export function problemsOfRabbitmq(options: Partial<RabbitmqOptions>): string[] {
  const problems: string[] = [];
  const urls = (options.urls ?? []).map((text) => (URL.canParse(text) ? new URL(text) : undefined));
  if (urls.includes(undefined)) problems.push('has a URL that cannot be read.');
  const vhosts = new Set(urls.map((url) => url?.pathname.replace(/^\//, '')));
  if (vhosts.size > 1) problems.push('has URLs of different virtual hosts, which are different brokers.');
  if (options.tls && !urls.some((url) => url?.protocol === 'amqps:'))
    problems.push('has tls, but no URL starts with amqps://.');
  return [...problems, ...problemsOfTls(options.tls)];
}
