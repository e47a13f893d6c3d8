import { kafkaOptionsSchema } from '../kafka.options.js';
import { ClientSockets } from '../kafkajs/client-sockets.js';
import type { Kafkajs } from '../client/kafkajs-client.js';
import { brokersOf, CLIENT_RETRY, clientConfigOf } from './client-config.js';

type Retry = (
  options: object,
) => (
  attempt: (bail: (error: Error) => void, count: number, waitMs: number) => Promise<void>,
) => Promise<void>;

/** What the client would wait before it tries again for the first time. */
async function firstWaits(options: object): Promise<number[]> {
  const { default: createRetry } = (await import('kafkajs/src/retry/index.js')) as { default: Retry };
  const waits: number[] = [];
  for (let nth = 0; nth < 300; nth += 1)
    await createRetry(options)((_bail, _count, waitMs) => Promise.resolve(void waits.push(waitMs)));
  return waits;
}

it('waits for any part of its step, so that processes do not come back together', async () => {
  const { initialRetryTime } = CLIENT_RETRY;
  const options = kafkaOptionsSchema.parse({ brokers: ['127.0.0.1:9092'] });
  const ways = { seeds: brokersOf(options), sockets: new ClientSockets() };
  const { retry } = clientConfigOf('k', options, { logLevel: {} } as unknown as Kafkajs, ways);
  for (const each of [CLIENT_RETRY, { ...retry, initialRetryTime }]) {
    const waits = await firstWaits(each);
    expect(Math.min(...waits)).toBeLessThan(0.1 * initialRetryTime);
    expect(Math.max(...waits)).toBeGreaterThan(1.8 * initialRetryTime);
  }
});
