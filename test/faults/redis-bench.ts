import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/messaging/clock.js';
import type {
  Delivery,
  PublishOutcome,
  Settlement,
  Transport,
  TransportEvent,
} from '../../src/core/messaging/transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';

/** A transport of a test, with what it has told. */
export interface Bench {
  readonly transport: RedisTransport;
  readonly events: TransportEvent[];
  /** Messages of the error events. */
  readonly errors: () => string[];
}

const open: Transport[] = [];

/** Not connected yet. Closed by {@link closeAll}. */
export function redisBench(options: object): Bench {
  const events: TransportEvent[] = [];
  const settings = redisOptionsSchema.parse({ leaseMs: 1_500, keyPrefix: `${randomUUID()}:`, ...options });
  const transport = new RedisTransport(settings, {
    name: 'redis',
    clock: systemClock,
    onEvent: (event) => events.push(event),
  });
  open.push(transport);
  return {
    transport,
    events,
    errors: () => events.flatMap((event) => (event.type === 'error' ? [event.error.message] : [])),
  };
}

export async function connected(options: object): Promise<Bench> {
  const bench = redisBench(options);
  await bench.transport.connect();
  return bench;
}

export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
}

/** Publishes one message and tells its outcome. */
export async function publishOne(
  transport: Transport,
  topic: string,
  { id, deadlineMs = 2_000 }: { readonly id?: string; readonly deadlineMs?: number } = {},
): Promise<PublishOutcome> {
  const message = { id: id ?? randomUUID(), headers: { a: 'b' }, body: Buffer.from('{}') };
  const [outcome] = await transport.publish({ topic }, [message], { deadlineMs });
  if (!outcome) throw new Error('There is no outcome.');
  return outcome;
}

/** Consumes and notes what comes. */
export async function collected(
  transport: Transport,
  topic: string,
  settle: (delivery: Delivery) => Settlement | Promise<Settlement> = () => ({ kind: 'ack' }),
): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  await transport.consume({ topic, group: 'g', concurrency: 10, ordering: 'none' }, async (delivery) => {
    deliveries.push(delivery);
    return settle(delivery);
  });
  return deliveries;
}

/** Code of the error of an outcome that is not `accepted`. */
export function codeOf(outcome: PublishOutcome): string {
  return outcome.kind === 'accepted' ? 'accepted' : String((outcome.error as { code?: unknown }).code);
}
