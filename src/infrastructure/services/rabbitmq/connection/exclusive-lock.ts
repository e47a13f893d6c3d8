import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { pause, spreadMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { withReplyTimeout } from './channel-calls.js';
import type { Channel } from '../client/amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { REPLY, replyCodeOf } from '../client/rabbitmq-errors.js';

/** A broker declares in some hundred milliseconds; whoever takes longer is paused or cut off. */
const PATIENCE_MS = 3_000;
const AGAIN_MS = 50;

/**
 * Runs something while no other process runs anything under the same name.
 *
 * RabbitMQ lists a quorum queue before it is whole (seen with 3.10.8). Whoever declares it at that moment is told that it is there: what he
 * publishes first to a queue for waiting never expires, and everything behind it waits for ever; if he consumes from a queue, the broker ends
 * his connection. A queue that only one connection may use is the lock; it goes with its connection. A lock that cannot be had holds nobody up
 * for long, because what happens then is mended: by {@link OverdueSweeper}, by connecting anew, by {@link StallDetector}.
 *
 * https://github.com/rabbitmq/rabbitmq-server/issues/17531 describes the order of steps behind it, for 4.3.6: so it runs against every release.
 */
export async function withExclusiveLock(
  connection: RabbitmqConnection,
  name: string,
  act: () => Promise<void>,
): Promise<void> {
  const release = await lock(connection, name);
  try {
    await act();
  } finally {
    release();
  }
}

async function unlock(channel: Channel, name: string): Promise<void> {
  try {
    await channel.deleteQueue(name);
    await channel.close();
  } catch {
    // it was not granted, or the connection is gone and the lock with it
  }
}

async function lock(connection: RabbitmqConnection, name: string): Promise<() => void> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const release = await tryLock(connection, name);
      if (release) return release;
    } catch {
      break; // the declaration will tell what is wrong
    }
    await pause(spreadMs(AGAIN_MS, 0.5), systemClock);
  }
  return () => undefined;
}

/** Resolves with what ends it, or with undefined while another process holds it. */
export async function tryLock(
  connection: RabbitmqConnection,
  name: string,
): Promise<(() => void) | undefined> {
  const channel = await connection.openChannel();
  try {
    const args = { 'x-queue-type': 'classic' };
    await withReplyTimeout(channel.assertQueue(name, { exclusive: true, durable: false, arguments: args }));
    return () => void unlock(channel, name);
  } catch (error) {
    void unlock(channel, name); // it may be granted later
    if (replyCodeOf(error) !== REPLY.resourceLocked) throw error;
    return undefined;
  }
}
