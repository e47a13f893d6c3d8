import { answered } from './answered.js';
import type { Channel } from './amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { REPLY, replyCodeOf } from './rabbitmq-errors.js';

/** A broker declares in some hundred milliseconds; whoever takes longer is paused or cut off. */
const PATIENCE_MS = 3_000;
const AGAIN_MS = 50;

/**
 * Runs a declaration while no other process runs one under the same name.
 *
 * RabbitMQ lists a quorum queue before it has told it its time to live and where its dead letters go (seen with 3.10.8). Whoever declares
 * it at that moment is told that it is there, and what he publishes first never expires: everything behind it waits for ever. A queue
 * that only one connection may use is the lock; it goes with its connection. A lock that cannot be had holds nobody up for long, because
 * {@link OverdueSweep} mends what happens then.
 */
export async function declaredAlone(
  connection: RabbitmqConnection,
  name: string,
  declare: () => Promise<void>,
): Promise<void> {
  const release = await lock(connection, name);
  try {
    await declare();
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
    const channel = await connection.openChannel();
    try {
      const args = { 'x-queue-type': 'classic' };
      await answered(channel.assertQueue(name, { exclusive: true, durable: false, arguments: args }));
      return () => void unlock(channel, name);
    } catch (error) {
      void unlock(channel, name); // it may be granted later
      if (replyCodeOf(error) !== REPLY.resourceLocked) break; // the declaration will tell what is wrong
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * (0.5 + Math.random())).unref());
  }
  return () => undefined;
}
