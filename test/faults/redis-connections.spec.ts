import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';
import { Load } from '../support/transport-load.js';
import { processOf } from '../conformance/transport-suite.js';

let server: RedisServer;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startFaultProxy({ targetPort: server.port });
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
afterEach(async () => {
  proxy.heal();
  await closeAll();
});

const throughProxy = (more: object = {}): object => ({
  url: `redis://127.0.0.1:${proxy.port}`,
  commandTimeoutMs: 1_000,
  ...more,
});

it('takes each message once although its connections are cut again and again', async () => {
  const keyPrefix = 'cut:';
  const { transport } = await connected(throughProxy({ keyPrefix }));
  const load = new Load(transport, { deadlineMs: 20_000 });
  await load.consume((await connected({ url: server.url, keyPrefix })).transport);
  load.start();
  for (let cut = 0; cut < 15; cut++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    proxy.resetAll();
  }
  const result = await load.end();
  await waitUntil('what was accepted is handled', async () => load.missing.length === 0);
  expect(load.missing).toEqual([]);
  expect([...result.handled.values()].filter((times) => times > 1)).toEqual([]);
}, 60_000);

it('delivers what it has taken over from a dead consumer in a reply that is lost', async () => {
  const keyPrefix = 'taken:';
  const ofDead = await startFaultProxy({ targetPort: server.port });
  try {
    const url = `redis://127.0.0.1:${ofDead.port}`;
    const dead = await connected({ url, keyPrefix, leaseMs: 500 });
    const never = new Promise<never>(() => undefined);
    const inFlight = await collected(dead.transport, 't', () => never);
    for (let nth = 0; nth < 5; nth++) await publishOne(dead.transport, 't', { id: `${nth}` });
    await waitUntil('it has them', async () => inFlight.length === 5);
    const heir = await connected(throughProxy({ keyPrefix, leaseMs: 60_000, commandTimeoutMs: 3_000 }));
    const inherited = await collected(heir.transport, 't');
    ofDead.inject({ mode: 'blackhole' });
    await wait(350); // the lease still lasts for a moment: what takes over does so in a reply that is lost
    proxy.inject({ mode: 'drop-down' });
    await wait(4_000);
    expect(inherited).toEqual([]);
    proxy.heal();
    await waitUntil('all are inherited', async () => inherited.length === 5, 20_000);
    ofDead.heal();
    expect(inherited.map(({ message }) => message.id).sort()).toEqual(['0', '1', '2', '3', '4']);
    expect(inherited.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2, 2]); // the death counts
    await dead.transport.close();
  } finally {
    await ofDead.stop();
  }
}, 60_000);

it('takes a message once whose reply is lost, whether it repeats it by itself or the caller does', async () => {
  const keyPrefix = 'reply:';
  const { transport } = await connected(throughProxy({ keyPrefix }));
  const deliveries = await collected((await connected({ url: server.url, keyPrefix })).transport, 't');
  proxy.inject({ mode: 'drop-down' });
  const outcome = await publishOne(transport, 't', { id: 'lost', deadlineMs: 400 });
  expect(outcome.kind).toBe('unknown');
  await waitUntil('it has arrived', async () => deliveries.length === 1);
  proxy.heal();
  await waitUntil('it is accepted', async () => {
    return (await publishOne(transport, 't', { id: 'lost', deadlineMs: 5_000 })).kind === 'accepted';
  });
  await publishOne(transport, 't', { id: 'next' });
  await waitUntil('the next arrives', async () => deliveries.some(({ message }) => message.id === 'next'));
  expect(deliveries.map(({ message }) => message.id)).toEqual(['lost', 'next']);
});

it('answers within the deadline while the server sends nothing, and continues afterwards', async () => {
  const { transport } = await connected(throughProxy());
  const deliveries = await collected(transport, 't');
  proxy.inject({ mode: 'blackhole' });
  const startedAt = performance.now();
  const outcome = await publishOne(transport, 't', { deadlineMs: 500 });
  expect(['unknown', 'unavailable']).toContain(outcome.kind);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  await new Promise((resolve) => setTimeout(resolve, 8_000)); // longer than a waiting read may be silent
  proxy.heal();
  await waitUntil('messages arrive again', async () => {
    await publishOne(transport, 't', { deadlineMs: 500 });
    return deliveries.length > 0;
  });
}, 60_000);

it('hands what a stopped process had to others, and drops what that settles later', async () => {
  const keyPrefix = 'stopped:';
  const task = {
    storage: JSON.stringify({ url: server.url, keyPrefix }),
    ...{ topic: 't', role: 'consume', concurrency: 5, settleFirst: 0 },
  };
  const { transport } = await connected({ url: server.url, keyPrefix });
  const command = processOf('test/conformance/redis.factory.ts');
  const child = spawn(process.execPath, [...command, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'], // it ends with its standard input
  });
  try {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await waitUntil('the other process has it', async () => {
      await publishOne(transport, 't');
      return output.includes('delivered');
    });
    child.kill('SIGSTOP');
    const deliveries = await collected(transport, 't');
    await waitUntil('it comes here', async () => deliveries.some(({ attempt }) => attempt === 2));
    child.kill('SIGCONT');
    await waitUntil('everything is settled', async () => {
      const { ready, inFlight } = await transport.backlog({ topic: 't', group: 'g' });
      return ready + inFlight === 0;
    });
  } finally {
    child.kill('SIGKILL');
  }
}, 60_000);

it('reports when its connection goes and comes, once each', async () => {
  const { events } = await connected(throughProxy());
  const states = (): TransportEvent['type'][] =>
    events.map(({ type }) => type).filter((type) => type === 'connected' || type === 'disconnected');
  proxy.resetAll();
  await waitUntil('it is back', async () => states().length === 3);
  expect(states()).toEqual(['connected', 'disconnected', 'connected']);
});
