import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { pause, spreadMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { withReplyTimeout } from './channel-calls.js';
import type { Channel } from '../client/amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { REPLY, replyCodeOf } from '../client/rabbitmq-errors.js';

/** Longest wait for the lock. A declaration takes some hundred milliseconds, so a holder beyond this is paused or cut off. */
const LOCK_TIMEOUT_MS = 3_000;
const RETRY_MS = 50;

/** The last holder of each lock in this process, by connection. */
const holders = new WeakMap<RabbitmqConnection, Map<string, Promise<void>>>();

/**
 * Runs `act` while nothing else, in this process or another, holds the lock of the same name. `act` must not ask for the
 * same lock.
 *
 * RabbitMQ makes a quorum queue visible before its arguments are applied (seen with 3.10.8). A process that declares the queue at that
 * moment gets a success: its first message in a delay queue then never expires and blocks all behind it, and a consumer loses its
 * connection. An exclusive queue is the lock; the broker deletes it with its connection. When the lock is not granted in time, or nothing may be declared, `act`
 * runs without it, because {@link OverdueSweeper}, the reconnect and {@link StallDetector} repair the consequences.
 *
 * https://github.com/rabbitmq/rabbitmq-server/issues/17531 describes the cause, for 4.3.6, so the lock is used with every release.
 */
export async function withExclusiveLock(
  connection: RabbitmqConnection,
  name: string,
  act: () => Promise<void>,
  timeoutMs = LOCK_TIMEOUT_MS,
): Promise<void> {
  if (!connection.mayDeclare) return act();
  const held = holders.get(connection) ?? new Map<string, Promise<void>>();
  holders.set(connection, held);
  // The broker grants an exclusive queue to everything on its connection, so that the process itself takes turns.
  const mine = actInTurn(held.get(name), connection, { name, timeoutMs }, act);
  const ended = mine.catch(() => undefined);
  held.set(name, ended);
  try {
    await mine;
  } finally {
    if (held.get(name) === ended) held.delete(name);
  }
}

async function actInTurn(
  before: Promise<void> | undefined,
  connection: RabbitmqConnection,
  { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number },
  act: () => Promise<void>,
): Promise<void> {
  if (before) await settlesWithin(before, timeoutMs, systemClock);
  const release = await lock(connection, name, timeoutMs);
  try {
    await act();
  } finally {
    // Before the next turn, which would share the queue with this one and lose it.
    await release();
  }
}

async function unlock(channel: Channel, name: string): Promise<void> {
  try {
    await withReplyTimeout(channel.deleteQueue(name));
    await withReplyTimeout(channel.close());
  } catch {
    // the lock was not granted, or the connection and with it the lock is gone
  }
}

async function lock(
  connection: RabbitmqConnection,
  name: string,
  timeoutMs: number,
): Promise<() => Promise<void>> {
  const until = performance.now() + timeoutMs;
  while (performance.now() < until) {
    try {
      const release = await tryLock(connection, name);
      if (release) return release;
    } catch {
      break; // the declaration that follows fails with the reason
    }
    await pause(spreadMs(RETRY_MS, 0.5), systemClock);
  }
  return () => Promise.resolve();
}

/** Resolves with the function that releases the lock, or with undefined while another process holds it. */
export async function tryLock(
  connection: RabbitmqConnection,
  name: string,
): Promise<(() => Promise<void>) | undefined> {
  const channel = await connection.openChannel();
  try {
    const args = { 'x-queue-type': 'classic' };
    await withReplyTimeout(channel.assertQueue(name, { exclusive: true, durable: false, arguments: args }));
    return () => unlock(channel, name);
  } catch (error) {
    void unlock(channel, name); // it may be granted later
    if (replyCodeOf(error) !== REPLY.resourceLocked) throw error;
    return undefined;
  }
}
