import { randomUUID } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { setTimeout as wait } from 'node:timers/promises';
import type { PublishReceipt } from 'switchyard';
import { SwitchyardRecordBuilder } from 'switchyard/microservices';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { type BridgeApp, bootBridge, closeBridges } from '../support/bridge-app.js';
import type { BridgeTask } from './bridge-child.js';
import { type Child, startChild } from './child-process.js';

const KILLS = 4;
const TIMEOUT_MS = 3_000;
/** For what has been handled between two kills. */
const SOME = 100;

let redis: RedisServer;
let rabbit: RabbitmqCluster;
const children = new Set<Child>();

beforeAll(async () => {
  [redis, rabbit] = await Promise.all([startRedis(), startRabbitmq()]);
}, 180_000);
afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  await closeBridges();
}, 60_000);
afterAll(() => Promise.all([redis.stop(), rabbit.stop()]), 60_000);

const brokers: Record<string, (prefix: string) => BridgeTask['transport']> = {
  Redis: (prefix) => ({ kind: 'redis', url: redis.url, keyPrefix: `${prefix}:`, leaseMs: 3_000 }),
  RabbitMQ: (prefix) => ({ kind: 'rabbitmq', urls: [...rabbit.urls], namePrefix: `${prefix}.` }),
};

async function start(transport: BridgeTask['transport']): Promise<Child> {
  const child = startChild('test/faults/bridge-child.ts', { transport } satisfies BridgeTask);
  children.add(child);
  await waitUntil('a process consumes', async () => child.lines.some(({ text }) => text === 'consuming'));
  return child;
}

/** Emits and asks without a pause, until it is ended. */
function load({ client }: BridgeApp) {
  const accepted: string[] = [];
  const outcomes = new Map<string, number>();
  let isEnded = false;
  const emit = async (): Promise<void> => {
    for (let nth = 0; !isEnded; nth += 1) {
      const receipt = await lastValueFrom<PublishReceipt>(client.emit('orders.placed', { id: `o-${nth}` }));
      if (receipt.status === 'accepted') accepted.push(`o-${nth}`);
      await wait(2);
    }
  };
  const ask = async (): Promise<void> => {
    for (let id = 1; !isEnded; id += 1) {
      const record = new SwitchyardRecordBuilder({ id }).setTimeout(TIMEOUT_MS).build();
      const outcome = await lastValueFrom<number>(client.send('orders.price', record)).then(
        (reply) => (reply === id * 2 ? 'answered' : 'wrong'),
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  const lanes = [emit(), ask(), ask(), ask(), ask()];
  return {
    accepted,
    outcomes,
    end: async (): Promise<void> => {
      isEnded = true;
      await Promise.all(lanes);
    },
  };
}

it.each(Object.entries(brokers))(
  'over %s no event is lost and no request hangs when processes with the bridge are killed under load',
  async (_name, on) => {
    const transport = on(randomUUID().slice(0, 8));
    const running = [await start(transport), await start(transport)];
    const gone: Child[] = [];
    const loaded = load(await bootBridge({}, { transport }));
    for (let kills = 0; kills < KILLS; kills += 1) {
      const from = loaded.accepted.length;
      const answered = loaded.outcomes.get('answered') ?? 0;
      await waitUntil(
        'some are accepted and answered',
        async () =>
          loaded.accepted.length >= from + SOME && (loaded.outcomes.get('answered') ?? 0) >= answered + SOME,
        60_000,
      );
      const victim = running.shift()!;
      await victim.kill();
      children.delete(victim);
      gone.push(victim);
      running.push(await start(transport));
    }
    await loaded.end();
    const handled = (): Set<string> =>
      new Set([...gone, ...running].flatMap(({ lines }) => lines.map(({ text }) => text)));
    await waitUntil(
      'every accepted event is handled',
      async () => {
        const all = handled();
        return loaded.accepted.every((id) => all.has(id));
      },
      90_000,
    );
    const { outcomes } = loaded;
    for (const outcome of outcomes.keys()) expect(['answered', 'DEADLINE_EXCEEDED']).toContain(outcome);
    // Only what was in flight with a killed process may have no reply.
    expect(outcomes.get('DEADLINE_EXCEEDED') ?? 0).toBeLessThanOrEqual(KILLS * 4);
  },
  240_000,
);
