import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { PublishOutcome, Transport, TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';

/** What is known of the connection is said within this time. */
const SAID_WITHIN_MS = 15_000;

/** An address that leads to another server from some moment on, while the connections to the first one stay open. */
class StableAddress {
  readonly acceptedAt: number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(public port: number) {
    this.#server = createServer((client) => {
      this.acceptedAt.push(performance.now());
      const behind = connect(this.port, '127.0.0.1');
      for (const [socket, other] of [
        [client, behind],
        [behind, client],
      ] as const) {
        this.#sockets.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            this.#sockets.delete(socket);
            other.destroy();
          });
      }
      client.pipe(behind).pipe(client);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

const servers: RedisServer[] = [];
let address: StableAddress | undefined;
afterEach(async () => {
  await closeAll();
  address?.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(...args: string[]): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

async function behindAddress(server: RedisServer): Promise<string> {
  address = new StableAddress(server.port);
  return address.listen();
}

/** A primary with a replica that has everything. */
async function pair(...replicaArgs: string[]): Promise<readonly [RedisServer, RedisServer]> {
  const [primary, replica] = [await start(), await start(...replicaArgs)];
  await replica.command('REPLICAOF', '127.0.0.1', primary.port);
  await waitUntil('the replica is in step', async () =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
  );
  return [primary, replica];
}

/** As a managed Redis does it: the address leads to the new primary, and the old one stays as its replica. */
async function failOver(from: RedisServer, to: RedisServer): Promise<void> {
  await to.command('REPLICAOF', 'NO', 'ONE');
  address!.port = to.port;
  await from.command('REPLICAOF', '127.0.0.1', to.port);
}

/** Publishes every 100 ms for this time. */
async function publishFor(
  ms: number,
  transport: Transport,
): Promise<{ readonly id: string; readonly outcome: PublishOutcome }[]> {
  const sent: { id: string; outcome: PublishOutcome }[] = [];
  for (const until = performance.now() + ms; performance.now() < until;) {
    const id = `m${sent.length}`;
    sent.push({ id, outcome: await publishOne(transport, 't', { id }) });
    await wait(100);
  }
  return sent;
}

const kindsOf = (sent: readonly { readonly outcome: PublishOutcome }[]): string[] =>
  sent.map(({ outcome }) => outcome.kind);
const statesOf = (events: readonly TransportEvent[]): string[] =>
  events.map(({ type }) => type).filter((type) => type === 'connected' || type === 'disconnected');

it('publishes and consumes again after a failover behind a stable address, although the old server still answers', async () => {
  const [old, next] = await pair();
  const { transport, events } = await connected({ url: await behindAddress(old) });
  const deliveries = await collected(transport, 't');
  await publishFor(300, transport);
  await failOver(old, next);
  await wait(2_000);
  const after = await publishFor(2_000, transport);
  expect(kindsOf(after)).toEqual(after.map(() => 'accepted'));
  await waitUntil('all are handled', async () =>
    after.every(({ id }) => deliveries.some(({ message }) => message.id === id)),
  );
  expect(statesOf(events).at(-1)).toBe('connected');
}, 90_000);

it('publishes again where nothing else uses the connection, also after a failover that scripts alone notice', async () => {
  const [old, next] = await pair();
  const { transport } = await connected({ url: await behindAddress(old) });
  expect((await publishOne(transport, 't')).kind).toBe('accepted');
  await failOver(old, next);
  const sent = await publishFor(3_000, transport);
  expect(kindsOf(sent).slice(-10)).toEqual(Array.from({ length: 10 }, () => 'accepted'));
  expect(kindsOf(sent).filter((kind) => kind !== 'accepted').length).toBeLessThan(10);
}, 90_000);

it('is disconnected from a server that has become a replica, says why, and connects again when it is a primary', async () => {
  const server = await start();
  const { transport, events } = await connected({ url: await behindAddress(server) });
  const deliveries = await collected(transport, 't');
  await server.command('REPLICAOF', '127.0.0.1', 1);
  await waitUntil(
    'it is disconnected',
    async () => statesOf(events).at(-1) === 'disconnected',
    SAID_WITHIN_MS,
  );
  const told = events.filter(({ type }) => type === 'disconnected').at(-1);
  expect(String((told as { error?: Error }).error)).toMatch(/it is a replica|its role has changed/);
  await wait(1_000);
  const [statesBefore, triesBefore] = [statesOf(events).length, address!.acceptedAt.length];
  const outcome = await publishOne(transport, 't');
  expect(outcome).toMatchObject({
    kind: 'unavailable',
    error: { message: expect.stringContaining('READONLY') as string },
  });
  await wait(4_000);
  expect(statesOf(events).length).toBe(statesBefore); // it does not flap
  expect(address!.acceptedAt.length - triesBefore).toBeLessThan(60);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await waitUntil(
    'it accepts again',
    async () => (await publishOne(transport, 't')).kind === 'accepted',
    5_000,
  );
  await waitUntil('consumers get it', async () => deliveries.length > 0);
}, 90_000);

it('reports that a server keeps less than the one before, after the failover and until it is corrected', async () => {
  const [old, next] = await pair(
    '--appendonly',
    'no',
    '--maxmemory',
    '1gb',
    '--maxmemory-policy',
    'allkeys-lru',
  );
  const { transport, events, errors } = await connected({ url: await behindAddress(old) });
  await collected(transport, 't');
  expect([errors(), transport.problems()]).toEqual([[], []]);
  await failOver(old, next);
  await waitUntil(
    'it is a problem',
    async () => transport.problems().some(({ code }) => code === 'durability_reduced'),
    SAID_WITHIN_MS,
  );
  const [problem] = transport.problems().filter(({ code }) => code === 'durability_reduced');
  expect(problem?.detail).toMatch(/allkeys-lru.*append-only/s);
  await next.command('CONFIG', 'SET', 'appendonly', 'yes');
  await next.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await waitUntil('it is solved', async () => transport.problems().length === 0, SAID_WITHIN_MS);
  const said = events.filter(
    (event) => event.type === 'problem' && event.problem.code === 'durability_reduced',
  );
  expect(said.length).toBeLessThanOrEqual(2); // again only when the detail changes
}, 90_000);

it('is disconnected within 15 s of a silence, although it neither publishes nor consumes', async () => {
  const server = await start();
  const proxy = await startFaultProxy({ targetPort: server.port });
  try {
    const { events } = await connected({ url: `redis://127.0.0.1:${proxy.port}` });
    proxy.inject({ mode: 'blackhole' });
    await waitUntil(
      'it is disconnected',
      async () => statesOf(events).at(-1) === 'disconnected',
      SAID_WITHIN_MS,
    );
    proxy.heal();
    await waitUntil('it is connected', async () => statesOf(events).at(-1) === 'connected', SAID_WITHIN_MS);
  } finally {
    await closeAll();
    await proxy.stop();
  }
}, 90_000);

it('lets 50 readers that lose one server come back spread over time, not together', async () => {
  const READERS = 50;
  const server = await start();
  const { transport } = await connected({ url: await behindAddress(server) });
  const counts = await Promise.all(
    Array.from({ length: READERS }, (_, nth) => collected(transport, `t${nth}`)),
  );
  await wait(500);
  const before = address!.acceptedAt.length;
  const cutAt = performance.now();
  address!.cut();
  await waitUntil('all are back', async () => address!.acceptedAt.length - before >= READERS + 2);
  const back = address!.acceptedAt.slice(before).map((at) => at - cutAt);
  const most = Math.max(...back.map((from) => back.filter((at) => at >= from && at < from + 100).length));
  expect(most).toBeLessThan(READERS * 0.6);
  for (let nth = 0; nth < READERS; nth++) await publishOne(transport, `t${nth}`);
  await waitUntil('each gets its message', async () => counts.every((deliveries) => deliveries.length === 1));
}, 90_000);
