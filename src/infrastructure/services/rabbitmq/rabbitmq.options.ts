import { z } from 'zod';
import { readText } from '../addresses/address-schema.js';
import { type ReadUrl, readServerUrl } from '../addresses/server-url.js';
import { isLoopback } from '../addresses/host-and-port.js';
import { type InsecureUse, plaintextLogin, unverifiedTls } from '../production/insecure-use.js';
import { problemsOfTls, tlsSchema } from '../tls/tls-options.js';

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;

/** Leaves room for the names of a topic and a group within the 255 bytes of AMQP. */
const PREFIX = /^[A-Za-z0-9:._-]{1,60}$/;

/** Options of the RabbitMQ transport. */
export const rabbitmqOptionsSchema = z.strictObject({
  urls: z
    .array(
      readText((text) => {
        const read = readAmqpUrl(text);
        return 'problem' in read ? read.problem : undefined;
      }).meta({
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

/** The URL of a node; its path is the virtual host. */
export function readAmqpUrl(text: string): ReadUrl {
  return readServerUrl(text, ['amqp', 'amqps']);
}

/** What is wrong between the options, as sentences that follow the name of the transport. */
export function problemsOfRabbitmq(options: Partial<RabbitmqOptions>): string[] {
  const read = (options.urls ?? []).map(readAmqpUrl);
  const problems = read.flatMap((one, index) =>
    'problem' in one ? [`has a URL (urls.${index}) that ${one.problem}.`] : [],
  );
  const urls = read.flatMap((one) => ('url' in one ? [one.url] : []));
  const vhosts = new Set(urls.map(({ path }) => path ?? options.vhost ?? '/'));
  if (vhosts.size > 1) problems.push('has URLs of different virtual hosts, which are different brokers.');
  if (options.tls && !urls.some(({ scheme }) => scheme === 'amqps'))
    problems.push('has tls, but no URL starts with amqps://.');
  return [...problems, ...problemsOfLogin(options), ...problemsOfTls(options.tls)];
}

/** A user without a password would be sent with an empty one. */
function problemsOfLogin({ urls = [], username, password }: Partial<RabbitmqOptions>): string[] {
  const isHalf = urls.some((text) => {
    const read = readAmqpUrl(text);
    if ('problem' in read) return false;
    const [user, secret] = [read.url.username ?? username, read.url.password ?? password];
    return (user === undefined) !== (secret === undefined);
  });
  return isHalf ? ['has a user without a password, or a password without a user. Set both.'] : [];
}

/** Name and password of the user that a fresh broker has. */
const GUEST = 'guest';

/** What production refuses of the options. */
export function insecureRabbitmq(options: Partial<RabbitmqOptions>): readonly InsecureUse[] {
  const { urls = [], username, password, tls } = options;
  const elsewhere = urls.flatMap((text) => {
    const read = readAmqpUrl(text);
    if ('problem' in read || isLoopback(read.url.host)) return [];
    const { scheme, username: user = username ?? GUEST, password: secret = password ?? GUEST } = read.url;
    return [{ isGuest: user === GUEST, isPublic: secret === GUEST, isPlain: scheme === 'amqp' }];
  });
  const uses = [...unverifiedTls(tls)];
  if (elsewhere.some(({ isGuest }) => isGuest))
    uses.push({
      kind: 'guest',
      key: ['urls'],
      does: 'connects to another machine as the user guest, whose password is public',
      remedy: 'Create a user for this application.',
    });
  if (elsewhere.some(({ isGuest, isPublic, isPlain }) => isPlain && !(isGuest && isPublic)))
    uses.push(plaintextLogin(['urls'], 'Use amqps://.'));
  return uses;
}
