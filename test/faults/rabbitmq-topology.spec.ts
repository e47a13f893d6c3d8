import { setTimeout as wait } from 'node:timers/promises';
import type { WireMessage } from '../../src/core/messaging/ports/transport.js';
import type { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { startChild } from './child-process.js';
import type { GroupTask } from './group-child.js';
import { asSomebodyElse, connected, rabbitmqBench, throughProxy } from './rabbitmq-bench.js';
import { closeAll, closeOne, publishOne } from './transport-bench.js';

/** Accepted after the last fault, while bindings are restored. */
const ENOUGH = 100;
let server: RabbitmqCluster;
let line: FaultProxy | undefined;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);
afterEach(async () => {
  await line?.stop();
  line = undefined;
});

const options = (more: object = {}): object => ({ urls: server.urls, ...more });

/** Consumes as one group and notes the ids that come. */
async function group(
  transport: RabbitmqTransport,
  name: string,
  ordering: 'none' | 'key' = 'none',
): Promise<Set<string>> {
  const handled = new Set<string>();
  await transport.consume({ topic: 't', group: name, concurrency: 10, ordering }, ({ message }) => {
    handled.add(message.id);
    return Promise.resolve({ kind: 'ack' });
  });
  return handled;
}

/** Publishes until it is stopped, which is after enough are accepted. Resolves with the ids of those. */
function publishing(transport: RabbitmqTransport): () => Promise<readonly string[]> {
  const state = { isOver: false };
  const accepted: string[] = [];
  const running = (async () => {
    for (let index = 0; !state.isOver; index += 1) {
      const outcome = await publishOne(transport, 't', { id: `m${index}` });
      if (outcome.kind === 'accepted') accepted.push(`m${index}`);
      await wait(2);
    }
  })();
  return async () => {
    const enough = accepted.length + ENOUGH;
    await waitUntil('enough are accepted', async () => accepted.length >= enough, 60_000);
    state.isOver = true;
    await running;
    return accepted;
  };
}

const missingIn = (handled: ReadonlySet<string>, accepted: readonly string[]): readonly string[] =>
  accepted.filter((id) => !handled.has(id));

it('an exchange that is deleted under load costs no group of any process a message', async () => {
  const namePrefix = 'deleted.';
  const processes = await Promise.all([1, 2, 3, 4].map(() => connected(options({ namePrefix }))));
  const [publisher, first, second, third] = processes;
  const a = await group(first!.transport, 'a');
  const b = await group(second!.transport, 'b', 'key');
  await group(third!.transport, 'c');
  await closeOne(third!); // it is deployed just now
  const stop = publishing(publisher!.transport);
  for (let time = 0; time < 3; time += 1) {
    await wait(500);
    await asSomebodyElse(server, (channel) => channel.deleteExchange('deleted.t'));
  }
  const accepted = await stop();
  const late = await connected(options({ namePrefix }));
  const c = await group(late.transport, 'c');
  await waitUntil(
    'each group has all',
    async () => [a, b, c].every((handled) => missingIn(handled, accepted).length === 0),
    60_000,
  ).catch(() => undefined);
  expect([a, b, c].map((handled) => missingIn(handled, accepted))).toEqual([[], [], []]);
}, 120_000);

it('a group without its queue gets what is published meanwhile once it consumes again, and the loss is reported', async () => {
  const namePrefix = 'queue.';
  const first = await connected(options({ namePrefix }));
  const a = await group(first.transport, 'a');
  const second = await connected(options({ namePrefix }));
  await group(second.transport, 'b');
  await closeOne(second);
  await asSomebodyElse(server, async (channel) => {
    await channel.deleteQueue('queue.t/b'); // as a policy with "expires" does
    await channel.deleteExchange('queue.t');
  });
  await waitUntil(
    'it accepts',
    async () => (await publishOne(first.transport, 't', { id: 'x' })).kind === 'accepted',
  );
  const again = await connected(options({ namePrefix }));
  const b = await group(again.transport, 'b');
  await waitUntil('both have it', async () => [a, b].every((handled) => handled.has('x')), 30_000);
  const problems = again.events.flatMap((event) => (event.type === 'problem' ? [event.problem] : []));
  expect(problems).toEqual([expect.objectContaining({ code: 'queue_deleted', topic: 't', group: 'b' })]);
  expect(problems[0]?.detail).toContain('"queue.t/b"');
}, 90_000);

it('a group without its queue is reported by the processes of other groups until it consumes again', async () => {
  const namePrefix = 'watched.';
  const first = await connected(options({ namePrefix }));
  await group(first.transport, 'a');
  const second = await connected(options({ namePrefix }));
  await group(second.transport, 'b');
  await closeOne(second);
  await asSomebodyElse(server, (channel) => channel.deleteQueue('watched.t/b'));
  const isListed = (): boolean =>
    first.transport.problems().some((one) => one.code === 'queue_deleted' && one.group === 'b');
  await waitUntil('it is reported', async () => isListed(), 120_000);
  expect((await publishOne(first.transport, 't', { id: 'kept' })).kind).toBe('accepted');
  const again = await connected(options({ namePrefix }));
  const b = await group(again.transport, 'b');
  await waitUntil('it is delivered', async () => b.has('kept'), 30_000);
  await waitUntil('it is solved', async () => !isListed(), 60_000);
}, 240_000);

it('a virtual host that is deleted and made again loses only what it held', async () => {
  await server.control('add_vhost', 'shop');
  const permit = (): Promise<string> =>
    server.control('set_permissions', '-p', 'shop', 'guest', '.*', '.*', '.*');
  await permit();
  const vhost = { vhost: 'shop', namePrefix: 'v.' };
  const first = await connected(options(vhost));
  const second = await connected(options(vhost));
  const a = await group(first.transport, 'a');
  const b = await group(second.transport, 'b');
  await publishOne(first.transport, 't', { id: 'before' });
  await waitUntil('both have it', async () => a.has('before') && b.has('before'));
  await server.control('delete_vhost', 'shop');
  await wait(500);
  await server.control('add_vhost', 'shop');
  await permit();
  await waitUntil(
    'it accepts',
    async () => (await publishOne(first.transport, 't', { id: 'after' })).kind === 'accepted',
    30_000,
  );
  await waitUntil('both have it', async () => a.has('after') && b.has('after'), 60_000);
  const codes = [first, second].map(({ events }) =>
    events.flatMap((event) => (event.type === 'problem' ? [event.problem.code] : [])),
  );
  expect(codes).toEqual([
    expect.arrayContaining(['queue_deleted']),
    expect.arrayContaining(['queue_deleted']),
  ]);
}, 120_000);

it('a process that returns alone to a virtual host made again keeps what it accepts for every group', async () => {
  await server.control('add_vhost', 'alone');
  const permit = (): Promise<string> =>
    server.control('set_permissions', '-p', 'alone', 'guest', '.*', '.*', '.*');
  await permit();
  const proxy = (line = await startFaultProxy({ targetPort: Number(new URL(server.urls[0]!).port) }));
  const vhost = { vhost: 'alone', namePrefix: 'alone.' };
  const publisher = await connected(options(vhost));
  const first = await connected({ urls: [throughProxy(server, proxy)], ...vhost });
  const second = await connected({ urls: [throughProxy(server, proxy)], ...vhost });
  const a = await group(first.transport, 'a');
  await publishOne(publisher.transport, 't', { id: 'before' });
  await wait(1_000); // the publisher has read the list of groups
  const b = await group(second.transport, 'b', 'key'); // nothing tells the publisher but this process
  await publishOne(publisher.transport, 't', { id: 'both' });
  await waitUntil('both have it', async () => a.has('both') && b.has('both'));
  await proxy.down();
  await server.control('delete_vhost', 'alone');
  await server.control('add_vhost', 'alone');
  await permit();
  await waitUntil(
    'it accepts',
    async () => (await publishOne(publisher.transport, 't', { id: 'after' })).kind === 'accepted',
    30_000,
  );
  await wait(1_000);
  await proxy.up();
  await waitUntil('both have it', async () => a.has('after') && b.has('after'), 60_000);
}, 120_000);

it('a group whose process stands still for a minute, while the exchange is deleted, misses nothing', async () => {
  const namePrefix = 'still.';
  const task = {
    module: 'test/conformance/rabbitmq.factory.ts',
    storage: JSON.stringify(options({ namePrefix })),
  };
  const { transport } = await connected(options({ namePrefix }));
  const children = (['none', 'key', 'none'] as const).map((ordering, index) =>
    startChild('test/faults/group-child.ts', { ...task, ordering, group: `g${index}` } satisfies GroupTask),
  );
  try {
    await waitUntil('all consume', async () => children.every(({ lines }) => lines.length > 0), 30_000);
    const stop = publishing(transport);
    await wait(500);
    children[2]!.signal('SIGSTOP');
    for (let time = 0; time < 3; time += 1) {
      await asSomebodyElse(server, (channel) => channel.deleteExchange('still.t'));
      await wait(2_000);
    }
    const accepted = await stop();
    const handledBy = (index: number): Set<string> => new Set(children[index]!.lines.map(({ text }) => text));
    const missing = (index: number): number => missingIn(handledBy(index), accepted).length;
    await waitUntil('two have all', async () => missing(0) + missing(1) === 0, 30_000).catch(() => undefined);
    expect([missing(0), missing(1)]).toEqual([0, 0]);
    await wait(54_000);
    children[2]!.signal('SIGCONT');
    await waitUntil('the third has all', async () => missing(2) === 0, 60_000).catch(() => undefined);
    expect(missing(2)).toBe(0);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}, 240_000);

it('a group that was removed is neither kept nor bound again', async () => {
  const { transport } = await connected(options({ namePrefix: 'gone.' }));
  await group(transport, 'a');
  const other = await connected(options({ namePrefix: 'gone.' }));
  await group(other.transport, 'b');
  await expect(transport.removeGroup('t', 'b')).rejects.toMatchObject({ code: 'CONFLICT' });
  await closeOne(other);
  await publishOne(transport, 't');
  const groups = await transport.groups('t');
  expect(groups.map((one) => [one.group, one.isConsumed])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  expect(groups[1]?.backlog.ready).toBe(1);
  await expect(transport.removeGroup('t', 'b')).resolves.toBe(true);
  await expect(transport.removeGroup('t', 'b')).resolves.toBe(false);
  expect((await transport.groups('t')).map((one) => one.group)).toEqual(['a']);
  const queues = await server.control('list_queues', '--no-table-headers', 'name');
  expect(queues).not.toContain('gone.t/b');
});

describe('with topology "verify"', () => {
  const commandsOf = (error: unknown): string[] =>
    (error as Error).message.split('\n').filter((line) => line.startsWith('rabbitmqadmin'));

  /** Runs the commands as rabbitmqadmin would. */
  async function run(commands: readonly string[]): Promise<void> {
    await asSomebodyElse(server, async (channel) => {
      for (const command of commands) {
        const field = (name: string): string =>
          (new RegExp(` ${name}=(?:'([^']*)'|(\\S+))`).exec(command) ?? []).slice(1).find((one) => one) ?? '';
        if (command.includes('declare exchange'))
          await channel.assertExchange(field('name'), field('type'), { durable: true });
        else if (command.includes('declare queue'))
          await channel.assertQueue(field('name'), {
            durable: true,
            arguments: JSON.parse(field('arguments')) as object,
          });
        else if (field('destination_type') === 'queue')
          await channel.bindQueue(field('destination'), field('source'), field('routing_key'));
        else await channel.bindExchange(field('destination'), field('source'), field('routing_key'));
      }
    });
  }

  it('declares nothing, and works after the commands that it prints', async () => {
    await server.control('add_user', 'strict', 'strict');
    await server.control('set_permissions', 'strict', '^$', '.*', '.*');
    const verify = { topology: 'verify', namePrefix: 'verify.', username: 'strict', password: 'strict' };
    const { transport } = rabbitmqBench(options(verify));
    const missing: unknown = await transport.connect().catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'TOPOLOGY_MISSING' });
    await run(commandsOf(missing));
    await transport.connect();
    for (const ordering of ['none', 'key'] as const) {
      const subscription = { topic: 't', group: ordering, concurrency: 2, ordering } as const;
      const attempts: number[] = [];
      const consume = () =>
        transport.consume(subscription, ({ attempt }) => {
          attempts.push(attempt);
          return Promise.resolve(attempt === 1 ? { kind: 'retry', delayMs: 64 } : { kind: 'ack' });
        });
      const refused: unknown = await consume().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'TOPOLOGY_MISSING' });
      expect(commandsOf(refused).join('\n')).toContain(`name=verify.t/${ordering} `);
      await run(commandsOf(refused));
      await consume();
      expect((await publishOne(transport, { topic: 't', group: ordering })).kind).toBe('accepted');
      await waitUntil('its retry is there', async () => attempts.length === 2);
      expect(attempts).toEqual([1, 2]);
    }
    expect((await publishOne(transport, 'unknown')).kind).toBe('unavailable');
  }, 60_000);

  it('answers requests, and says why it cannot ask', async () => {
    const { transport } = rabbitmqBench(options({ topology: 'verify', namePrefix: 'answers.' }));
    await run(commandsOf(await transport.connect().catch((error: unknown) => error)));
    await transport.connect();
    const asks = await connected(options({ namePrefix: 'answers.' }));
    const replies: WireMessage[] = [];
    const inbox = await asks.transport.openInbox((reply) => replies.push(reply));
    const reply = { id: 'reply', headers: {}, body: Buffer.from('1') };
    const outcome = await transport.reply(inbox.address, reply, { deadlineMs: 5_000 });
    expect(outcome.kind).toBe('accepted');
    await waitUntil('the reply is there', async () => replies.some(({ id }) => id === 'reply'));
    expect(await transport.isSubscribed('t')).toBe(false);
    await expect(transport.openInbox(() => undefined)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringContaining("topology: 'verify'") as string,
    });
    await inbox.close();
  }, 60_000);
});
