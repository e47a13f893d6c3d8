import { type BenchOptions, type Figure } from '../harness.js';
import { compare, countOf, ours, roundTripsOf } from '../requests/asking.js';
import { bareConnection, bareQueue, clear, newPlace, newTransport } from './servers.js';

const INBOX = 'amq.rabbitmq.reply-to';

/** Against the client alone with direct reply-to. Both ask over a classic queue, with transient messages. */
export async function measureRequests(options: BenchOptions): Promise<Figure[]> {
  const count = countOf(options);
  const place = async (): Promise<number[]> => {
    const where = newPlace('classic');
    const took = await ours(count, () => newTransport(where));
    await clear(where);
    return took;
  };
  return compare({ name: 'rabbitmq', floor: 2.8 }, { bare: () => bare(count), ours: place }, options);
}

async function bare(count: number): Promise<number[]> {
  const [connection, answering] = [await bareConnection(), await bareConnection()];
  const [asker, answerer] = [await connection.createChannel(), await answering.createChannel()];
  const queue = await bareQueue(asker, 'classic');
  const waiting = new Map<string, () => void>();
  await asker.consume(
    INBOX,
    (reply) => {
      const id = String(reply?.properties.correlationId);
      waiting.get(id)?.();
      waiting.delete(id);
    },
    { noAck: true },
  );
  await answerer.prefetch(16);
  await answerer.consume(queue, (message) => {
    if (!message) return;
    const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
    answerer.publish('', replyTo, message.content, { correlationId, contentType: 'application/json' });
    answerer.ack(message);
  });
  const took = await roundTripsOf(
    count,
    (n) =>
      new Promise<void>((resolve) => {
        const correlationId = String(n);
        waiting.set(correlationId, resolve);
        const properties = { replyTo: INBOX, correlationId, contentType: 'application/json' };
        asker.publish('', queue, Buffer.from(JSON.stringify({ n })), properties);
      }),
  );
  await asker.deleteQueue(queue);
  await Promise.all([connection.close(), answering.close()]);
  return took;
}
