import { setTimeout as wait } from 'node:timers/promises';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import type { RabbitmqNode } from '../support/brokers/rabbitmq-node.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { asSomebodyElse, connected } from './rabbitmq-bench.js';
import { closeAll, collected } from './transport-bench.js';

let cluster: RabbitmqCluster;

beforeAll(async () => {
  cluster = await startRabbitmq({ nodes: 3 });
}, 180_000);
afterAll(() => cluster.stop());
afterEach(closeAll);

const PROCESSES = 4;
const TOPICS = 12;
/** Longer than a connection, a channel and a question each wait for an answer. */
const OUT_OF_REACH_MS = 15_000;
/** Some looks at a queue fall into this time. */
const LOOKED_AT_MS = 36_000;
/** Until a process has left what others are to take. */
const BALANCED_MS = 5_000;
/** The nodes detect a partition, and some restart before they are one cluster again. */
const HEALED_MS = 150_000;
/** Until the node that is left knows that it is alone. */
const NOTICED_MS = 15_000;

it('delivers what several processes delay at the same moment as the first ones ever', async () => {
  const all = await Promise.all(
    Array.from({ length: PROCESSES }, () => connected({ urls: cluster.urls, namePrefix: 'first.' })),
  );
  const late: string[] = [];
  for (let topic = 0; topic < TOPICS; topic += 1) {
    const arrived = await collected(all[0]!.transport, `t${topic}`);
    const outcomes = await Promise.all(
      all.flatMap(({ transport }) =>
        Array.from({ length: 5 }, () =>
          transport.publish({ topic: `t${topic}` }, [{ id: 'x', headers: {}, body: Buffer.from('{}') }], {
            deadlineMs: 10_000,
            delayMs: 200,
          }),
        ),
      ),
    );
    const accepted = outcomes.flat().filter(({ kind }) => kind === 'accepted').length;
    expect(accepted).toBe(PROCESSES * 5);
    await waitUntil('all are there', async () => arrived.length === accepted, 3_000).catch(() =>
      late.push(`t${topic}: ${arrived.length}`),
    );
  }
  expect(late).toEqual([]);
}, 180_000);

/** What a queue is when the process that declared it, or its node, died before the broker had told it everything. */
async function withoutTimeToLive(queue: string): Promise<void> {
  const { name } = await cluster.leaderOf(queue);
  const id = `list_to_atom("%2F_${queue}")`;
  const config = `#{name => ${id}, queue_resource => rabbit_misc:r(<<"/">>, queue, <<"${queue}">>), dead_letter_handler => undefined}`;
  await cluster.control('eval', `rabbit_fifo_client:update_machine_state({${id}, '${name}'}, ${config}).`);
}

it('delivers and reports what a delay queue does not dead-letter by itself', async () => {
  const { transport, errors } = await connected({ urls: cluster.urls, namePrefix: 'stuck.' });
  const arrived = await collected(transport, 'topic');
  const delayed = async (id: string): Promise<void> => {
    const message = { id, headers: {}, body: Buffer.from('{}') };
    const [outcome] = await transport.publish({ topic: 'topic' }, [message], {
      deadlineMs: 10_000,
      delayMs: 128,
    });
    expect(outcome?.kind).toBe('accepted');
  };
  await delayed('before');
  await waitUntil('the queue works', async () => arrived.length === 1);
  await withoutTimeToLive('stuck.topic/~wait.128');
  await delayed('first');
  await delayed('second');
  await waitUntil('both are there', async () => arrived.length === 3, 60_000);
  expect(arrived.map(({ message }) => message.id)).toEqual(['before', 'first', 'second']);
  await waitUntil('it is reported', async () => errors().length > 0);
  expect(errors()).toEqual([expect.stringContaining('"stuck.topic/~wait.128" beyond their time: 2')]);
}, 120_000);

/** As after elections at the wrong moment: the queue continues, and what expires in it stays there. */
async function stopHandingOn(node: RabbitmqNode, queue: string): Promise<void> {
  const workers = `[Pid || {_, Pid, _, _} <- supervisor:which_children(rabbit_fifo_dlx_sup), binary:match(term_to_binary(sys:get_state(Pid)), <<"${queue}">>) =/= nomatch]`;
  await cluster.controlOf(
    node,
    'eval',
    `[supervisor:terminate_child(rabbit_fifo_dlx_sup, Pid) || Pid <- ${workers}].`,
  );
}

it('avoids and reports a delay queue that no longer dead-letters, and loses nothing of it', async () => {
  const { transport, errors } = await connected({ urls: cluster.urls, namePrefix: 'kept.' });
  const arrived = await collected(transport, 'topic');
  const delayed = async (id: string): Promise<void> => {
    const message = { id, headers: {}, body: Buffer.from('{}') };
    const options = { deadlineMs: 10_000, delayMs: 128 };
    const [outcome] = await transport.publish({ topic: 'topic' }, [message], options);
    expect(outcome?.kind).toBe('accepted');
  };
  await delayed('before');
  await waitUntil('the queue works', async () => arrived.length === 1);
  const queue = 'kept.topic/~wait.128';
  const leader = await cluster.leaderOf(queue);
  await stopHandingOn(leader, queue);
  await delayed('kept');
  await waitUntil('it is reported', async () => errors().length > 0, 120_000);
  expect(errors()).toEqual([expect.stringContaining(`does not dead-letter from the delay queue "${queue}"`)]);
  await delayed('around');
  await waitUntil('the next one comes', async () => arrived.length === 2, 3_000);
  await leader.kill();
  await cluster.restore();
  await waitUntil('the first one comes, too', async () => arrived.length === 3, 60_000);
  expect(arrived.map(({ message }) => message.id)).toEqual(['before', 'around', 'kept']);
}, 300_000);

it('lets nothing wait too long or too short, and finds nothing, where several processes check queues that work', async () => {
  const all = await Promise.all(
    Array.from({ length: PROCESSES }, () => connected({ urls: cluster.urls, namePrefix: 'well.' })),
  );
  const tookMs: number[] = [];
  const begunAt = performance.now();
  for (const { transport } of all)
    await collected(transport, 'topic', () => {
      tookMs.push(performance.now() - begunAt);
      return { kind: 'ack' };
    });
  const messages = ['a', 'b', 'c'].map((id) => ({ id, headers: {}, body: Buffer.from('{}') }));
  const options = { deadlineMs: 10_000, delayMs: LOOKED_AT_MS };
  const outcomes = await all[0]!.transport.publish({ topic: 'topic' }, messages, options);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
  await waitUntil('all are there', async () => tookMs.length === messages.length, 2 * LOOKED_AT_MS);
  expect(Math.min(...tookMs)).toBeGreaterThanOrEqual(LOOKED_AT_MS);
  expect(Math.max(...tookMs)).toBeLessThan(LOOKED_AT_MS * 1.25);
  expect(all.flatMap(({ errors }) => errors())).toEqual([]);
}, 150_000);

it.each(['none', 'key'] as const)(
  'subscribes again when the broker has forgotten its consumers, with order by %s',
  async (ordering) => {
    const prefix = `forgotten-${ordering}.`;
    const { transport, errors } = await connected({ urls: cluster.urls, namePrefix: prefix });
    const arrived: string[] = [];
    await transport.consume({ topic: 'topic', group: 'g', concurrency: 4, ordering }, ({ message }) => {
      arrived.push(message.id);
      return Promise.resolve({ kind: 'ack' });
    });
    const publish = async (id: string): Promise<void> => {
      const message = { id, key: 'one', headers: {}, body: Buffer.from('{}') };
      const [outcome] = await transport.publish({ topic: 'topic' }, [message], { deadlineMs: 10_000 });
      expect(outcome?.kind).toBe('accepted');
    };
    await publish('first');
    await waitUntil('it is there', async () => arrived.length === 1);
    const queues = await cluster.control('list_consumers', '--no-table-headers', 'queue_name');
    for (const queue of queues.split('\n').filter((name) => /\.topic\/g(\/\d)?$/.test(name)))
      await forgetConsumers(queue);
    await publish('second');
    await waitUntil('that is there, too', async () => arrived.length === 2, 60_000);
    expect(arrived).toEqual(['first', 'second']);
    expect(errors()).toEqual([expect.stringContaining('delivers nothing')]);
  },
  120_000,
);

/** The node whose connection consumes there. */
async function consumingNode(queue: string): Promise<RabbitmqNode> {
  const rows = await cluster.control('list_consumers', '--no-table-headers', 'queue_name', 'channel_pid');
  const channel = rows
    .split('\n')
    .map((row) => row.split('\t'))
    .find(([name]) => name === queue)?.[1];
  return cluster.nodes.find(({ name }) => channel?.includes(name))!;
}

/** The queue continues without it: a consumer that is connected there gets nothing. */
async function loseMember(node: RabbitmqNode, queue: string): Promise<void> {
  const id = `list_to_atom("%2F_${queue}")`;
  const other = cluster.nodes.find((one) => one !== node)!;
  if ((await cluster.leaderOf(queue)) === node)
    await cluster.controlOf(
      node,
      'eval',
      `ra:transfer_leadership({${id}, node()}, {${id}, '${other.name}'}).`,
    );
  await waitUntil('another leads', async () => (await cluster.leaderOf(queue)) !== node);
  await cluster.controlOf(node, 'eval', `ra:stop_server(quorum_queues, {${id}, node()}).`);
}

it('connects to another node when the one that it is connected to delivers nothing', async () => {
  const { transport, errors } = await connected({ urls: cluster.urls, namePrefix: 'hole.' });
  const arrived = await collected(transport, 'topic');
  const publish = async (id: string, delayMs: number): Promise<void> => {
    const message = { id, headers: {}, body: Buffer.from('{}') };
    const [outcome] = await transport.publish({ topic: 'topic' }, [message], { deadlineMs: 10_000, delayMs });
    expect(outcome?.kind).toBe('accepted');
  };
  await publish('before', 100);
  await waitUntil('all is well', async () => arrived.length === 1);
  const queues = ['hole.~due', 'hole.topic/g'];
  const node = await consumingNode('hole.~due');
  for (const queue of queues) await loseMember(node, queue);
  await publish('now', 0);
  await publish('later', 100);
  await waitUntil('all are there', async () => arrived.length === 3, 120_000);
  expect(new Set(arrived.map(({ message }) => message.id))).toEqual(new Set(['before', 'now', 'later']));
  // Of each queue or of one of them: first the channel is opened again, which does not help, then another node is chosen.
  const reports = errors().filter((error) => error.includes('delivers nothing'));
  expect(reports.length).toBeGreaterThan(1);
  expect(await consumingNode('hole.~due')).not.toBe(node);
}, 240_000);

it('shares the ordered queues again after most nodes were out of reach for a while', async () => {
  const subscription = { topic: 'shared', group: 'g', concurrency: 4, ordering: 'key' } as const;
  const join = async (): Promise<void> => {
    const { transport } = await connected({ urls: [cluster.urls[0]!], namePrefix: 'share.' });
    await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }));
  };
  const shares = async (): Promise<string> => {
    const rows = await cluster.control('list_consumers', '--no-table-headers', 'queue_name', 'channel_pid');
    const counts = new Map<string, number>();
    for (const row of rows.split('\n')) {
      const [queue = '', channel = ''] = row.split('\t');
      if (/^share\.shared\/g(\/\d)?$/.test(queue)) counts.set(channel, (counts.get(channel) ?? 0) + 1);
    }
    return [...counts.values()].sort().join();
  };
  const shared = (wanted: string): Promise<void> =>
    waitUntil(`the shares are ${wanted}`, async () => (await shares()) === wanted, HEALED_MS);
  await join();
  await join();
  await shared('4,4');
  const others = cluster.nodes.slice(1);
  for (const node of others) node.pause();
  await wait(NOTICED_MS);
  const hangUp =
    '[catch rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:local_connections()].';
  await cluster.controlOf(cluster.nodes[0]!, 'eval', hangUp);
  await wait(OUT_OF_REACH_MS);
  for (const node of others) node.resume();
  await cluster.ready();
  await shared('4,4');
  await join();
  await shared('2,3,3');
}, 400_000);

it('serves ordered queues that are left to processes that only the broker still counts', async () => {
  const { transport } = await connected({ urls: cluster.urls, namePrefix: 'ghosts.' });
  const arrived = new Set<string>();
  const subscription = { topic: 'topic', group: 'g', concurrency: 4, ordering: 'key' } as const;
  await transport.consume(subscription, ({ message }) => {
    arrived.add(message.id);
    return Promise.resolve({ kind: 'ack' });
  });
  await asSomebodyElse(cluster, async (channel) => {
    for (let ghost = 0; ghost < 7; ghost += 1)
      await channel.consume('ghosts.topic/g/~members', () => undefined);
    await wait(BALANCED_MS);
    const ids = Array.from({ length: 64 }, (_, index) => `key-${index}`);
    const messages = ids.map((id) => ({ id, key: id, headers: {}, body: Buffer.from('{}') }));
    const outcomes = await transport.publish({ topic: 'topic' }, messages, { deadlineMs: 10_000 });
    expect(outcomes.map(({ kind }) => kind)).toEqual(ids.map(() => 'accepted'));
    await wait(1_000);
    expect(arrived.size).toBeLessThan(ids.length); // otherwise nothing was left to the ghosts
    await waitUntil('all are handled', async () => arrived.size === ids.length, 60_000);
  });
}, 120_000);

/** As it happens when nodes lose each other: the client hears nothing of it. */
async function forgetConsumers(queue: string): Promise<void> {
  const { name } = await cluster.leaderOf(queue);
  const server = `{list_to_atom("%2F_${queue}"), '${name}'}`;
  await cluster.control(
    'eval',
    `{ok, {_, All}, _} = ra:local_query(${server}, fun rabbit_fifo:query_consumers/1), ` +
      `[ra:process_command(${server}, rabbit_fifo:make_checkout(Id, cancel, #{})) || Id <- maps:keys(All)].`,
  );
}
