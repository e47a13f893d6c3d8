import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const ORDERS = 30;
const GROUPS = ['billing', 'inventory', 'notifications'];
const data = temporaryDirectory();
const directory = join(data.path, 'data');
let redis: RedisServer;
let rabbit: RabbitmqCluster;
let kafka: KafkaCluster;
let app: Demonstration | undefined;

beforeAll(async () => {
  [redis, rabbit, kafka] = await Promise.all([startRedis(), startRabbitmq(), startKafka()]);
}, 180_000);
afterAll(async () => {
  await app?.end('SIGKILL');
  await Promise.all([redis.stop(), rabbit.stop(), kafka.stop()]);
  data.remove();
}, 60_000);

function groupsOf(orderId: string): string[] {
  const ledger = readFileSync(join(directory, 'ledger.jsonl'), { encoding: 'utf8', flag: 'a+' });
  const lines = ledger.split('\n').filter((line) => line.includes(`"orderId":"${orderId}"`));
  return [...new Set(lines.map((line) => (JSON.parse(line) as { group: string }).group))].sort();
}

/** Places orders, all at once, and expects them on these transports and no other. */
async function place({ url }: Demonstration, step: string, expected: readonly string[]): Promise<string[]> {
  const transports = new Set<string>();
  const placed = await Promise.all(
    Array.from({ length: ORDERS }, async (_, nth) => {
      const orderId = `${step}-${nth}`;
      const body = JSON.stringify({ orderId, customer: 'ann', total: 1 });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}/orders`, { method: 'POST', headers, body });
      const { receipt } = (await response.json()) as { receipt: { transport: string } };
      transports.add(receipt.transport);
      return orderId;
    }),
  );
  expect([...transports].filter((transport) => !expected.includes(transport))).toEqual([]);
  return placed;
}

type Env = Record<string, string>;

/** Places orders as fast as it can, and kills the application while they are on their way. Returns those that were accepted. */
async function placeAndKill(step: string, env: Env, transports = [step]): Promise<string[]> {
  app = await startDemonstration(directory, env);
  const placed = await place(app, step, transports);
  await app.end('SIGKILL');
  return placed;
}

it('moves from the disk to Redis, to failover over Kafka, and back, and loses no order that is on its way at a step', async () => {
  const local = `local: {kind: embedded, directory: "${directory}/local"}`;
  const fast = `fast: {kind: redis, url: "${redis.url}"}`;
  const work = `work: {kind: rabbitmq, urls: ${JSON.stringify(rabbit.urls)}}`;
  const to = (transport: string): string => `[{match: "**", transport: ${transport}}]`;
  const events = `events: {kind: kafka, brokers: ${JSON.stringify(kafka.brokers)}, sessionTimeoutMs: 6000}`;
  const main = 'main: {kind: failover, members: [events, work, fast]}';
  const failover = {
    SWITCHYARD_TRANSPORTS: `{${local}, ${fast}, ${work}, ${events}, ${main}}`,
    SWITCHYARD_ROUTES: to('main'),
    SWITCHYARD_DRAIN: '[local]',
  };
  const orders = [
    ...(await placeAndKill('local', { SWITCHYARD_TRANSPORTS: `{${local}}`, SWITCHYARD_ROUTES: to('local') })),
    ...(await placeAndKill('fast', {
      SWITCHYARD_TRANSPORTS: `{${local}, ${fast}}`,
      SWITCHYARD_ROUTES: to('fast'),
      SWITCHYARD_DRAIN: '[local]',
    })),
    // A member that answers slowly on a loaded machine is passed over; all of them are drained later.
    ...(await placeAndKill('events', failover, ['events', 'work', 'fast'])),
    ...(await placeAndKill('fallback', { ...failover, SWITCHYARD_FALLBACK: 'embedded' }, ['local'])),
  ];
  app = await startDemonstration(directory, { ...failover, SWITCHYARD_FALLBACK: 'embedded' });
  const inMemory = { ...failover, SWITCHYARD_FALLBACK: 'memory' };
  const isLeft = (orderId: string): boolean => groupsOf(orderId).length < GROUPS.length;
  await eventually(() => !orders.some(isLeft) || undefined, 60_000).catch(() => undefined);
  expect(orders.filter(isLeft)).toEqual([]);
  expect(await app.end('SIGTERM')).toBe(0);

  // In memory a kill loses what is on its way, as the documentation says; a stop handles it first.
  app = await startDemonstration(directory, inMemory);
  const last = await place(app, 'memory', ['fallback']);
  expect(await app.end('SIGTERM')).toBe(0);
  expect(last.filter(isLeft)).toEqual([]);
}, 300_000);
