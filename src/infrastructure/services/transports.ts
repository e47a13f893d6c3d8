import { z } from 'zod';

import type { ControlStore } from '../../core/messaging/ports/control-store.js';
import type { DeadLetterStore } from '../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../core/messaging/ports/idempotency-store.js';
import type {
  Clock,
  Transport,
  TransportContext,
  TransportEvent,
} from '../../core/messaging/ports/transport.js';
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

/**
 * Makes a transport of the application's own. Called once for each application that starts, because a closed transport
 * stays closed.
 */
export type TransportFactory = (context: TransportContext) => Transport | Promise<Transport>;

/** What a store of the application's own gets. */
export interface StoreContext {
  readonly clock: Clock;
  /** Called with what is wrong with the place of the store. */
  readonly onEvent: (event: TransportEvent) => void;
}

/** Makes a dead letter store of the application's own, once for each application that starts. */
export type DeadLetterStoreFactory = (context: StoreContext) => DeadLetterStore | Promise<DeadLetterStore>;

/** Makes an idempotency store of the application's own, once for each application that starts. */
export type IdempotencyStoreFactory = (context: StoreContext) => IdempotencyStore | Promise<IdempotencyStore>;

/** Makes a control store of the application's own, once for each application that starts. */
export type ControlStoreFactory = (context: StoreContext) => ControlStore | Promise<ControlStore>;

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
