import { z } from 'zod';

import type { Transport, TransportContext } from '../../core/messaging/ports/transport.js';
import { embeddedOptionsSchema } from './embedded/embedded.options.js';
import { balancedOptionsSchema } from './composites/balanced/balanced.options.js';
import { failoverOptionsSchema } from './composites/failover/failover.options.js';
import { spooledOptionsSchema } from './composites/spooled/spooled.options.js';
import { insecureKafka, kafkaOptionsSchema, problemsOfKafka } from './kafka/kafka.options.js';
import { type InsecureUse, INSECURITIES } from './production/insecure-use.js';
import { memoryOptionsSchema } from './memory/memory.options.js';
import { insecureRabbitmq, problemsOfRabbitmq, rabbitmqOptionsSchema } from './rabbitmq/rabbitmq.options.js';
import { insecureRedis, problemsOfServer, redisOptionsSchema } from './redis/redis.options.js';

const KIND = 'Kind of the transport; decides which other keys it has.';

const memory = memoryOptionsSchema.extend({ kind: z.literal('memory').describe(KIND) });
const embedded = embeddedOptionsSchema.extend({
  kind: z.literal('embedded').describe(KIND),
  directory: z
    .string()
    .min(1)
    .describe(
      'Directory of its messages; one process at a time can use it. Without it, `transports/<name>` in `dataDir`.',
    ),
});
const redis = redisOptionsSchema
  .extend({ kind: z.literal('redis').describe(KIND) })
  .superRefine((options, context) => {
    for (const message of problemsOfServer(options)) context.addIssue({ code: 'custom', message });
  });

const rabbitmq = rabbitmqOptionsSchema
  .extend({ kind: z.literal('rabbitmq').describe(KIND) })
  .superRefine((options, context) => {
    for (const message of problemsOfRabbitmq(options)) context.addIssue({ code: 'custom', message });
  });

const kafka = kafkaOptionsSchema
  .extend({ kind: z.literal('kafka').describe(KIND) })
  .superRefine((options, context) => {
    for (const message of problemsOfKafka(options)) context.addIssue({ code: 'custom', message });
  });

const failover = failoverOptionsSchema.extend({
  kind: z.literal('failover').describe(KIND),
  members: z
    .array(z.string().min(1))
    .min(2)
    .max(16)
    .describe('Names of the transports to publish to, in order of preference.'),
});

const balanced = balancedOptionsSchema
  .extend({
    kind: z.literal('balanced').describe(KIND),
    members: z
      .array(z.string().min(1))
      .min(2)
      .max(16)
      .describe('Names of the transports that share the load.'),
  })
  .superRefine(({ members, weights }, context) => {
    if (weights && weights.length !== members.length)
      context.addIssue({ code: 'custom', message: 'needs as many weights as members' });
  });

const spooled = spooledOptionsSchema.extend({
  kind: z.literal('spooled').describe(KIND),
  transport: z.string().min(1).describe('Name of the transport to publish to.'),
  spool: z
    .string()
    .min(1)
    .describe(
      'Name of the transport of kind `embedded` that stores messages while the other does not accept them.',
    ),
});

/** Options of one transport, with the `kind` of the transport. */
export const transportSettingsSchema = z.discriminatedUnion('kind', [
  memory,
  embedded,
  redis,
  rabbitmq,
  kafka,
  failover,
  balanced,
  spooled,
]);

export type TransportSettings = z.output<typeof transportSettingsSchema>;

/** The members of a composite; none for other transports. */
export function membersOf(settings: TransportSettings): readonly string[] {
  if (settings.kind === 'failover' || settings.kind === 'balanced') return settings.members;
  return settings.kind === 'spooled' ? [settings.transport, settings.spool] : [];
}

export type { InsecureUse };

/** Kinds of what production refuses, for `allowInsecure`. */
export const insecuritySchema = z.enum(INSECURITIES);

/** What production refuses of the options of a transport. Those that are not valid are left out: the schema reports them. */
export function insecureUsesOf(options: Readonly<Record<string, unknown>>): readonly InsecureUse[] {
  const { kind } = options;
  if (kind === 'redis') return insecureRedis(valid(redisOptionsSchema, options));
  if (kind === 'rabbitmq') return insecureRabbitmq(valid(rabbitmqOptionsSchema, options));
  return kind === 'kafka' ? insecureKafka(valid(kafkaOptionsSchema, options)) : [];
}

function valid<T extends z.ZodObject>(
  schema: T,
  options: Readonly<Record<string, unknown>>,
): Partial<z.output<T>> {
  const read = Object.entries(schema.shape).map(([key, one]) => {
    const result = z.safeParse(one, options[key]);
    return [key, result.data] as const;
  });
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)) as Partial<z.output<T>>;
}

/**
 * Creates the configured transport. This is the only list of transports.
 *
 * A transport is imported when it is used, so that its client has to be installed only then.
 *
 * @param members the transports that {@link membersOf} names, in that order.
 */
export async function createTransport(
  settings: TransportSettings,
  context: TransportContext,
  members: readonly Transport[] = [],
): Promise<Transport> {
  switch (settings.kind) {
    case 'memory': {
      const { MemoryTransport } = await import('./memory/memory.transport.js');
      return new MemoryTransport(settings, context);
    }
    case 'embedded': {
      const { EmbeddedTransport } = await import('./embedded/embedded.transport.js');
      return new EmbeddedTransport(settings, context);
    }
    case 'redis': {
      const { RedisTransport } = await import('./redis/redis.transport.js');
      return new RedisTransport(settings, context);
    }
    case 'rabbitmq': {
      const { RabbitmqTransport } = await import('./rabbitmq/rabbitmq.transport.js');
      return new RabbitmqTransport(settings, context);
    }
    case 'kafka': {
      const { KafkaTransport } = await import('./kafka/kafka.transport.js');
      return new KafkaTransport(settings, context);
    }
    case 'failover': {
      const { FailoverTransport } = await import('./composites/failover/failover.transport.js');
      return new FailoverTransport(members, settings, context);
    }
    case 'balanced': {
      const { BalancedTransport } = await import('./composites/balanced/balanced.transport.js');
      return new BalancedTransport(members, settings, context);
    }
    case 'spooled': {
      const { SpooledTransport } = await import('./composites/spooled/spooled.transport.js');
      const [transport, spool] = members as readonly [Transport, Transport];
      return new SpooledTransport({ transport, spool }, settings, context);
    }
  }
}
