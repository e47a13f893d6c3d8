import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Child, startChild } from './child-process.js';
import { connected } from './kafka-bench.js';
import type { PoisonTask } from './poison-child.js';
import { closeAll } from './transport-bench.js';

const SESSION_MS = 3_000;
const HANDLER_MS = 3 * SESSION_MS;
const ATTEMPTS = 3;
const HARMLESS = 5;
const data = temporaryDirectory();
let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(async () => {
  await server.stop();
  data.remove();
});
afterEach(closeAll);

const options = (name: string) => ({
  brokers: server.brokers,
  namePrefix: `${name}.`,
  partitions: 2,
  sessionTimeoutMs: SESSION_MS,
});

it('keeps what runs far longer than a member may be silent, and gives it to no other process', async () => {
  const began: string[] = [];
  let done = 0;
  const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' } as const;
  const transports = [await connected(options('long')), await connected(options('long'))];
  for (const { transport } of transports)
    await transport.consume(subscription, async ({ message, attempt }) => {
      began.push(`${message.id} ${attempt}`);
      await wait(HANDLER_MS);
      done += 1;
      return { kind: 'ack' };
    });
  const messages = ['a', 'b', 'c', 'd'].map((id) => ({ id, headers: {}, body: Buffer.from('x') }));
  await transports[0]!.transport.publish({ topic: 't' }, messages, { deadlineMs: 10_000 });
  await waitUntil('all are done', async () => done === messages.length, 5 * HANDLER_MS);
  await wait(2 * SESSION_MS);
  expect([...began].sort()).toEqual(['a 1', 'b 1', 'c 1', 'd 1']);
}, 150_000);

it('parks a message that kills every process which gets it, and handles its neighbours', async () => {
  const task: PoisonTask = {
    module: 'test/conformance/kafka.factory.ts',
    storage: JSON.stringify({ ...options('poison'), partitions: 1 }),
    directory: join(data.path, 'letters'),
    publishes: true,
    attempts: ATTEMPTS,
    harmless: HARMLESS,
  };
  const children: Child[] = [];
  const said = (): string[] => children.flatMap(({ lines }) => lines.map(({ text }) => text));
  const begun = (): string[] => said().filter((text) => text.startsWith('begin'));
  const isParked = (): boolean => said().includes('parked poison');
  try {
    while (!isParked() && children.length <= ATTEMPTS + 1) {
      const before = begun().length;
      children.push(startChild('test/faults/poison-child.ts', { ...task, publishes: children.length === 0 }));
      await waitUntil('it dies or parks', async () => begun().length > before || isParked(), 90_000);
    }
    expect(begun()).toEqual(Array.from({ length: ATTEMPTS }, (_, nth) => `begin poison ${nth + 1}`));
    await waitUntil('its neighbours are handled', async () => {
      const handled = new Set(said().flatMap((text) => /^handled (\S+)/.exec(text)?.[1] ?? []));
      return handled.size === HARMLESS;
    });
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}, 300_000);
