import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type {
  Clock,
  Delivery,
  PublishOutcome,
  Settlement,
  Transport,
  TransportContext,
  TransportEvent,
} from '../../src/core/messaging/ports/transport.js';

/** A transport of a test, with what it has told. */
export interface Bench<T extends Transport> {
  readonly transport: T;
  readonly events: TransportEvent[];
  /** Messages of the error events. */
  readonly errors: () => string[];
}

const opened: Bench<Transport>[] = [];

/** Not connected yet. Closed by {@link closeAll}. */
export function bench<T extends Transport>(
  create: (context: TransportContext) => T,
  name: string,
  clock: Clock = systemClock,
): Bench<T> {
  const events: TransportEvent[] = [];
  const transport = create({ name, clock, onEvent: (event) => events.push(event) });
  const made: Bench<T> = {
    transport,
    events,
    errors: () => events.flatMap((event) => (event.type === 'error' ? [event.error.message] : [])),
  };
  opened.push(made);
  return made;
}

export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map(({ transport }) => transport.close()));
}

/** One that a test is done with: what it says of itself is not looked at any more. */
export async function closeOne({ transport }: Bench<Transport>): Promise<void> {
  const at = opened.findIndex((one) => one.transport === transport);
  if (at >= 0) opened.splice(at, 1);
  await transport.close();
}

export type HealthTold = 'up' | 'down, then up' | 'down' | 'switched';

/** What the transports that are open have told of themselves, as health has it. */
export function healthTold(): HealthTold {
  const all = opened.map(({ events }) => events.map(({ type }) => type));
  if (all.some((types) => types.includes('switched'))) return 'switched';
  if (!all.some((types) => types.includes('disconnected'))) return 'up';
  const isUp = all.every((types) => types.lastIndexOf('connected') >= types.lastIndexOf('disconnected'));
  return isUp ? 'down, then up' : 'down';
}

/** Publishes one message and tells its outcome. */
export async function publishOne(
  transport: Transport,
  to: string | { readonly topic: string; readonly group: string },
  { id, deadlineMs = 2_000 }: { readonly id?: string; readonly deadlineMs?: number } = {},
): Promise<PublishOutcome> {
  const message = { id: id ?? randomUUID(), headers: { a: 'b' }, body: Buffer.from('{}') };
  const destination = typeof to === 'string' ? { topic: to } : to;
  const [outcome] = await transport.publish(destination, [message], { deadlineMs });
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
