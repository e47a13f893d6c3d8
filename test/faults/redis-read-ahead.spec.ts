import { randomUUID } from 'node:crypto';
import type { Consumer, Settlement } from '../../src/core/messaging/ports/transport.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import type { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './redis-bench.js';
import { closeAll } from './transport-bench.js';

/** A consumer whose handlers are done at once reads the next messages while it handles those before. */
const CONCURRENCY = 40;
const COUNT = 20_000;
const TOPIC = 'backlog';
const ACK: Settlement = { kind: 'ack' };
let server: RedisServer;
let keyPrefix: string;
let transport: RedisTransport;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(closeAll);

beforeEach(async () => {
  keyPrefix = `${randomUUID()}:`;
  ({ transport } = await connected({ url: server.url, keyPrefix }));
  await (await consume(transport, () => Promise.resolve(ACK))).stop(); // makes the group
  const messages = Array.from({ length: COUNT }, (_, nth) => ({
    id: String(nth),
    headers: {},
    body: Buffer.from('{}'),
  }));
  for (let from = 0; from < COUNT; from += 1_000)
    await transport.publish({ topic: TOPIC }, messages.slice(from, from + 1_000), { deadlineMs: 10_000 });
});

function consume(from: RedisTransport, settle: (id: string) => Promise<Settlement>): Promise<Consumer> {
  const group = { topic: TOPIC, group: 'g', concurrency: CONCURRENCY, ordering: 'none' } as const;
  return from.consume(group, ({ message }) => settle(message.id));
}

/** Messages that the server has handed out and not seen settled. */
async function pending(): Promise<number> {
  const { log } = new TopicKeys(keyPrefix, TOPIC);
  const [count] = (await server.command('XPENDING', log, 'g')) as [number];
  return count;
}

it('has no more than its concurrency in flight when they suddenly take long, and leaves nothing unsettled', async () => {
  let handled = 0;
  let finish: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (finish = resolve));
  await consume(transport, async () => {
    handled += 1;
    if (handled > 5_000) await slow;
    return ACK;
  });
  await waitUntil('all slots are taken', async () => handled === 5_000 + CONCURRENCY);
  await waitUntil('what was settled is', async () => (await pending()) === CONCURRENCY);
  finish();
  await waitUntil('all are handled and settled', async () => handled === COUNT && (await pending()) === 0);
}, 60_000);

it('loses nothing, and handles hardly anything again, when its connections break all the time', async () => {
  const seen = new Map<string, number>();
  await consume(transport, (id) => {
    seen.set(id, (seen.get(id) ?? 0) + 1);
    return Promise.resolve(ACK);
  });
  let breaks = 0;
  await waitUntil('all are handled and settled', async () => {
    if (seen.size < COUNT && breaks < 20) {
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      breaks += 1;
    }
    return seen.size === COUNT && (await pending()) === 0;
  });
  const again = [...seen.values()].reduce((sum, times) => sum + times - 1, 0);
  expect(breaks).toBeGreaterThan(1);
  expect(again).toBeLessThanOrEqual(breaks * 2 * CONCURRENCY);
}, 60_000);

it('settles what it has handled when it stops, and gives the rest to others at once', async () => {
  const first = new Set<string>();
  const second = new Set<string>();
  let enough: () => void = () => undefined;
  const some = new Promise<void>((resolve) => (enough = resolve));
  const consumer = await consume(transport, (id) => {
    first.add(id);
    if (first.size === 3_000) enough();
    return Promise.resolve(ACK);
  });
  await some;
  await consumer.stop();
  const stoppedAt = first.size;
  expect(await pending()).toBeLessThanOrEqual(CONCURRENCY); // read ahead, and given back
  const other = await connected({ url: server.url, keyPrefix });
  await consume(other.transport, (id) => {
    second.add(id);
    return Promise.resolve(ACK);
  });
  await waitUntil('the other has the rest', async () => first.size + second.size >= COUNT);
  expect(first.size).toBe(stoppedAt);
  expect([...second].filter((id) => first.has(id))).toEqual([]);
}, 60_000);
