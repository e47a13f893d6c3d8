import { z } from 'zod';
import { addressSchema } from '../addresses/address-schema.js';
import { isLoopback, readHostAndPort } from '../addresses/host-and-port.js';
import { type InsecureUse, plaintextLogin, unverifiedTls } from '../production/insecure-use.js';
import { problemsOfTls, tlsSchema } from '../tls/tls-options.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const DAY_MS = 86_400_000;
/** Leaves room for the names of a topic and a group within the 249 characters of Kafka. */
const PREFIX = /^[A-Za-z0-9._-]{1,60}$/;

/** Options of the Kafka transport. */
export const kafkaOptionsSchema = z.strictObject({
  brokers: z.array(addressSchema('A broker.')).min(1).max(64).meta({
    description: 'Brokers to ask for the others, as host:port.',
    allowed: 'a list of host:port',
    secret: true,
  }),
  tls: tlsSchema.optional().describe('Encrypts connections; `{}` trusts the usual authorities.'),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('How to log in.'),
      username: z.string().min(1).describe('User.'),
      password: z.string().min(1).meta({ description: 'Password.', secret: true }),
    })
    .optional()
    .describe('Login. Without: none.'),
  namePrefix: z
    .string()
    .regex(PREFIX)
    .meta({
      description: 'Start of the name of every topic and consumer group.',
      allowed: '1 to 60 letters, digits, ".", "_" and "-"',
    })
    .default('switchyard.'),
  partitions: z
    .int()
    .min(1)
    .max(1_000)
    .default(6)
    .describe(
      'Partitions of a topic that is created: the most processes that can share the work of a group.',
    ),
  replicationFactor: z
    .int()
    .min(1)
    .max(9)
    .optional()
    .describe(
      'Copies of each message; all but one must be written before it is accepted. Without: as the broker is configured.',
    ),
  retentionMs: z
    .int()
    .min(60_000)
    .max(365 * DAY_MS)
    .default(7 * DAY_MS)
    .describe('How long a topic that is created keeps its messages, whether or not they were read.'),
  maxMessageBytes: z
    .int()
    .min(KIB)
    .max(64 * MIB)
    .default(4 * MIB)
    .describe(
      'Largest message, headers included, and largest batch of a partition. A larger message is refused.',
    ),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('none')
    .describe(
      'Compression of batches. `snappy`, `lz4` and `zstd` need the packages kafkajs-snappy, kafkajs-lz4 or @kafkajs/zstd.',
    ),
  topology: z
    .enum(['declare', 'verify'])
    .default('declare')
    .describe(
      '`declare` creates missing topics. `verify` creates none: what is missing fails with TOPOLOGY_MISSING and the commands that create it.',
    ),
  onOffsetLost: z
    .enum(['earliest', 'latest', 'stop'])
    .default('earliest')
    .describe(
      'Where a group continues whose offset is not in the log any more (retention, a recreated topic): at the oldest message, after the newest, or not at all.',
    ),
  metadataMaxAgeMs: z
    .int()
    .min(1_000)
    .max(30_000)
    .default(30_000)
    .describe('Longest time until an added partition, or a changed setting of a topic, is noticed.'),
  connectTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(5_000)
    .describe('Longest time for a connection to a broker.'),
  requestTimeoutMs: z
    .int()
    .min(500)
    .max(60_000)
    .default(8_000)
    .describe('A broker that does not answer within this time counts as unavailable.'),
  sessionTimeoutMs: z
    .int()
    .min(1_000)
    .max(300_000)
    .default(10_000)
    .describe(
      'A process that sends no heartbeat for this long counts as dead: other processes take over its partitions.',
    ),
});

export type KafkaOptions = z.output<typeof kafkaOptionsSchema>;

/** Contradictions between the options, as sentences that continue after the name of the transport. */
export function problemsOfKafka(options: Partial<KafkaOptions>): string[] {
  const problems = (options.brokers ?? []).flatMap((text, index) => {
    const read = readHostAndPort(text);
    return 'problem' in read ? [`has a broker (brokers.${index}) that ${read.problem}.`] : [];
  });
  return [...problems, ...problemsOfTls(options.tls)];
}

/** What production refuses of the options. */
export function insecureKafka({ brokers = [], sasl, tls }: Partial<KafkaOptions>): readonly InsecureUse[] {
  const isElsewhere = brokers.some((text) => {
    const read = readHostAndPort(text);
    return 'address' in read && !isLoopback(read.address.host);
  });
  const isPlain = sasl !== undefined && tls === undefined && isElsewhere;
  return [...unverifiedTls(tls), ...(isPlain ? [plaintextLogin(['sasl'], 'Set tls.')] : [])];
}
