/**
 * `npm run demo:failover`: runs the demonstration on three brokers with a spool, under load, while brokers are
 * killed and restarted. Prints the state every second, and fails when an order that was answered 201 is lost.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startKafka } from '../test/support/brokers/kafka-cluster.js';
import { startRabbitmq } from '../test/support/brokers/rabbitmq-cluster.js';
import { startRedis } from '../test/support/brokers/redis-server.js';
import { type Demonstration, eventually, startDemonstration } from '../test/support/demonstration.js';
import { temporaryDirectory } from '../test/support/temporary-directory.js';

const ORDERS_PER_SECOND = 50;
/** Groups of the demonstration that handle an order. */
const GROUPS = 3;
const CATCH_UP_MS = 120_000;

type Row = readonly (string | number)[];
const HEAD: Row = ['s', 'placed', 'spooled', 'failed', 'to go', 'health', 'active', ''];
const WIDTHS = [4, 7, 8, 7, 7, 9, 7, 0];

const print = (row: Row): boolean =>
  process.stdout.write(`${row.map((cell, index) => String(cell).padStart(WIDTHS[index] ?? 0)).join(' ')}\n`);

/** The orders and their results. */
class Orders {
  readonly accepted = new Set<string>();
  spooled = 0;
  failed = 0;
  #count = 0;

  constructor(
    private readonly app: Demonstration,
    private readonly ledger: string,
  ) {}

  async place(): Promise<void> {
    const orderId = `order-${++this.#count}`;
    const body = JSON.stringify({ orderId, customer: 'ann', total: 1 });
    const headers = { 'content-type': 'application/json' };
    try {
      const response = await fetch(`${this.app.url}/orders`, { method: 'POST', headers, body });
      const { receipt } = (await response.json()) as { receipt?: { status: string } };
      if (response.status !== 201 || !receipt) throw new Error('not accepted');
      this.accepted.add(orderId);
      if (receipt.status === 'spooled') this.spooled += 1;
    } catch {
      this.failed += 1;
    }
  }

  /** Accepted orders that some group has not handled yet. */
  missing(): number {
    const handled = new Map<string, Set<string>>();
    for (const line of readFileSync(this.ledger, { encoding: 'utf8', flag: 'a+' }).split('\n')) {
      if (!line.endsWith('}')) continue;
      const { orderId, group } = JSON.parse(line) as { orderId: string; group: string };
      const groups = handled.get(orderId);
      if (groups) groups.add(group);
      else handled.set(orderId, new Set([group]));
    }
    return [...this.accepted].filter((id) => (handled.get(id)?.size ?? 0) < GROUPS).length;
  }
}

async function healthOf({ url, adminKey }: Demonstration): Promise<readonly [string, string]> {
  const response = await fetch(`${url}/health`, { headers: { 'x-api-key': adminKey } });
  const { status, details } = (await response.json()) as {
    status: string;
    details?: Record<string, { active?: string }>;
  };
  return [status, details?.['messaging:main']?.active ?? '-'];
}

async function main(): Promise<void> {
  const data = temporaryDirectory();
  const directory = join(data.path, 'data');
  process.stdout.write('Starting RabbitMQ, Redis and Kafka ...\n');
  const [rabbit, redis, kafka] = await Promise.all([startRabbitmq(), startRedis(), startKafka()]);
  let app: Demonstration | undefined;
  try {
    app = await startDemonstration(directory, {
      SWITCHYARD_CONFIG: join('config', 'three-brokers.example.yaml'),
      SWITCHYARD_TRANSPORTS__WORK__URLS: JSON.stringify(rabbit.urls),
      SWITCHYARD_TRANSPORTS__FAST__URL: redis.url,
      SWITCHYARD_TRANSPORTS__EVENTS__BROKERS: JSON.stringify(kafka.brokers),
      SWITCHYARD_TRANSPORTS__DISK__DIRECTORY: join(data.path, 'spool'),
      SWITCHYARD_TRANSPORTS__BROKERS__FAIL_BACK_AFTER_MS: '3s',
    });
    const orders = new Orders(app, join(directory, 'ledger.jsonl'));
    const events: Readonly<Record<number, readonly [string, () => Promise<unknown>]>> = {
      8: ['RabbitMQ is killed', () => rabbit.nodes[0]?.kill() ?? Promise.resolve()],
      14: ['Redis and Kafka are killed, too', () => Promise.all([redis.kill(), kafka.nodes[0]?.kill()])],
      22: ['Redis is started again', () => redis.restart()],
      28: ['RabbitMQ and Kafka are started again', () => Promise.all([rabbit.restore(), kafka.restore()])],
    };
    print(HEAD);
    const happening: Promise<unknown>[] = [];
    for (let second = 1; second <= 40; second++) {
      const [text, happen] = events[second] ?? ['', undefined];
      if (happen) happening.push(happen());
      for (let nth = 0; nth < ORDERS_PER_SECOND; nth++) {
        happening.push(orders.place());
        await wait(1_000 / ORDERS_PER_SECOND);
      }
      const { accepted, spooled, failed } = orders;
      print([second, accepted.size, spooled, failed, orders.missing(), ...(await healthOf(app)), text]);
    }
    await Promise.all(happening);
    await eventually(() => orders.missing() === 0 || undefined, CATCH_UP_MS).catch(() => undefined);
    const lost = orders.missing();
    process.stdout.write(
      `${orders.accepted.size} orders were answered 201, ${orders.spooled} of them spooled, ${orders.failed} failed, ${lost} lost.\n`,
    );
    if (lost > 0) process.exitCode = 1;
  } finally {
    await app?.end('SIGTERM');
    await Promise.all([rabbit.stop(), redis.stop(), kafka.stop()]);
    data.remove();
  }
}

await main();
