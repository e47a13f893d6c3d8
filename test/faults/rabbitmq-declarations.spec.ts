import { setTimeout as wait } from 'node:timers/promises';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import {
  declared,
  earlierHeldQueue,
  plainQueue,
} from '../../src/infrastructure/services/rabbitmq/topology/queue-arguments.js';
import { asSomebodyElse, connected, publishedRaw } from './rabbitmq-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq({ config: ['consumer_timeout = 2000'] });
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const options = (more: object = {}): object => ({ urls: server.urls, ...more });

describe('what is declared', () => {
  it('with other arguments is reported with both sides and not changed', async () => {
    const first = await connected(options({ namePrefix: 'same.', deliveryLimit: 50 }));
    await collected(first.transport, 'changed');
    const { transport } = await connected(options({ namePrefix: 'same.', deliveryLimit: 60 }));
    const error: unknown = await collected(transport, 'changed').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CONFLICT' });
    for (const text of ['same.changed/g', '"x-delivery-limit":60', "current is '50'", 'delete it'])
      expect(String(error)).toContain(text);
    const keyed = await connected(options({ namePrefix: 'same.', deliveryLimit: 50 }));
    const subscription = { topic: 'changed', group: 'g', concurrency: 1, ordering: 'key' } as const;
    await expect(
      keyed.transport.consume(subscription, () => Promise.resolve({ kind: 'ack' })),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await publishOne(first.transport, 'changed')).kind).toBe('accepted');
  });

  it('by an earlier version is used as it is, with what it holds', async () => {
    const settings = rabbitmqOptionsSchema.parse(options({ namePrefix: 'earlier.' }));
    await asSomebodyElse(server, async (channel) => {
      await channel.assertQueue('earlier.t/~held', declared(earlierHeldQueue(settings)));
      await channel.assertQueue('earlier.~unroutable', declared(plainQueue()));
    });
    const { transport, events } = await connected(options({ namePrefix: 'earlier.' }));
    expect((await publishOne(transport, 't', { id: 'held' })).kind).toBe('accepted');
    const deliveries = await collected(transport, 't');
    await waitUntil('it arrives', async () => deliveries.some(({ message }) => message.id === 'held'));
    expect(events.flatMap((event) => (event.type === 'problem' ? [event.problem.code] : []))).toContain(
      'earlier_queue_arguments',
    );
  });

  it('and deleted by another client is declared again: an exchange, with all of its groups', async () => {
    const { transport, errors } = await connected(options({ namePrefix: 'gone.' }));
    const arrived = new Map<string, string[]>();
    for (const group of ['a', 'b']) {
      const ids: string[] = [];
      arrived.set(group, ids);
      await transport.consume(
        { topic: 'x', group, concurrency: 5, ordering: 'none' },
        ({ message: { id } }) => {
          ids.push(id);
          return Promise.resolve({ kind: 'ack' });
        },
      );
    }
    expect((await publishOne(transport, 'x', { id: 'before' })).kind).toBe('accepted');
    await asSomebodyElse(server, (channel) => channel.deleteExchange('gone.x'));
    const outcome = await publishOne(transport, 'x', { id: 'lost' });
    expect(outcome.kind).toBe('unknown');
    expect(outcome.kind === 'accepted' ? '' : outcome.error.message).toContain("no exchange 'gone.x'");
    expect(errors()).toEqual([expect.stringContaining("no exchange 'gone.x'")]);
    await waitUntil('it accepts', async () => (await publishOne(transport, 'x')).kind === 'accepted');
    expect((await publishOne(transport, 'x', { id: 'after' })).kind).toBe('accepted');
    await waitUntil('both groups have everything', async () =>
      [...arrived.values()].every(
        (ids) => ids.includes('before') && ids.includes('after') && ids.length === 3,
      ),
    );
  });

  it('and deleted by another client is declared again: the queue under a consumer, while others continue', async () => {
    const { transport } = await connected(options({ namePrefix: 'gone.' }));
    const deliveries = await collected(transport, 'queue');
    const others = await collected(transport, 'other');
    await asSomebodyElse(server, (channel) => channel.deleteQueue('gone.queue/g'));
    await publishOne(transport, 'other');
    await waitUntil('the other goes on', async () => others.length === 1);
    await waitUntil('messages arrive again', async () => {
      await publishOne(transport, 'queue');
      return deliveries.length > 0;
    });
  });

  it('and deleted by another client is declared again: a delay queue', async () => {
    const { transport } = await connected(options({ namePrefix: 'gone.' }));
    const deliveries = await collected(transport, 'wait');
    const later = async (): Promise<string> => {
      const message = { id: 'later', headers: {}, body: Buffer.from('x') };
      return (await transport.publish({ topic: 'wait' }, [message], { deadlineMs: 2_000, delayMs: 64 }))[0]!
        .kind;
    };
    expect(await later()).toBe('accepted');
    await waitUntil('it arrives', async () => deliveries.length === 1);
    await asSomebodyElse(server, (channel) => channel.deleteQueue('gone.wait/~wait.64'));
    expect(await later()).toBe('unavailable');
    expect(await later()).toBe('accepted');
    await waitUntil('it arrives', async () => deliveries.length === 2);
  });

  it('is asked for a few times a second at most while nothing can be declared', async () => {
    const { transport, events } = await connected(options({ namePrefix: 'loop.' }));
    await collected(transport, 't');
    await asSomebodyElse(server, async (channel) => {
      await channel.deleteQueue('loop.t/g');
      await channel.assertQueue('loop.t/g', { durable: true }); // classic, where a quorum queue should be
    });
    await server.control('close_all_connections', '--vhost', '/', 'by the test');
    await wait(1_000);
    const refusals = (): number => server.nodes[0]!.log().split('inequivalent arg').length;
    const before = refusals();
    await wait(4_000);
    const asked = refusals() - before;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(20);
    const reported = events.flatMap((event) => (event.type === 'problem' ? [event.problem.detail] : []));
    const times = reported.filter((text) => text.includes('with other arguments')).length;
    expect(times).toBeGreaterThan(0);
    // Not for each try. Again when another reason came between, such as a connection that was lost once more.
    expect(times).toBeLessThanOrEqual(3);
  });
});

describe('a queue', () => {
  it('at its length limit makes publishing to its group unavailable and to its topic unknown', async () => {
    const { transport } = await connected(options({ namePrefix: 'full.' }));
    await (
      await transport.consume({ topic: 't', group: 'g', concurrency: 1, ordering: 'none' }, () =>
        Promise.resolve({ kind: 'ack' }),
      )
    ).stop();
    await server.control('set_policy', 'full', '^full\\.t/g$', '{"max-length":3}', '--apply-to', 'queues');
    const kinds = new Set<string>();
    await waitUntil('it refuses', async () => {
      const outcome = await publishOne(transport, { topic: 't', group: 'g' });
      kinds.add(`${outcome.kind} ${codeOf(outcome)}`);
      return outcome.kind !== 'accepted';
    });
    expect([...kinds]).toEqual(['accepted accepted', 'unavailable TRANSPORT_FULL']);
    const outcome = await publishOne(transport, 't');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['unknown', 'TRANSPORT_FULL']);
    await collected(transport, 't');
    await waitUntil('it accepts again', async () => (await publishOne(transport, 't')).kind === 'accepted');
  });

  it('delivers foreign messages with their fields, and they can be retried', async () => {
    const { transport } = await connected(options({ namePrefix: 'foreign.' }));
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 10, headers: { why: 'again' } } : { kind: 'ack' },
    );
    await publishedRaw(server, { routingKey: 'foreign.t/g' }, Buffer.from([0, 255]), { headers: { n: 1 } });
    await waitUntil('it arrives twice', async () => deliveries.length === 2);
    const [first, second] = deliveries;
    expect(first?.message.id).toMatch(/^unnamed-/);
    expect(second?.message).toMatchObject({ id: first?.message.id, headers: { n: '1', why: 'again' } });
    expect([...(second?.message.body ?? [])]).toEqual([0, 255]);
  });

  it('of due messages keeps a foreign message aside and reports it', async () => {
    const { transport } = await connected(options({ namePrefix: 'odd.' }));
    await collected(transport, 't');
    await publishedRaw(server, { exchange: 'odd.~due' }, Buffer.from('strange'));
    await waitUntil('it is reported', async () =>
      transport.problems().some(({ code }) => code === 'unroutable_messages'),
    );
    await waitUntil('it is kept', () =>
      asSomebodyElse(
        server,
        async (channel) => (await channel.checkQueue('odd.~unroutable')).messageCount === 1,
      ),
    );
  });
});

it('groups of one process that begin at the same moment keep its connection', async () => {
  const { transport, events } = await connected(options({ namePrefix: 'many.', queueType: 'classic' }));
  for (let round = 0; round < 30; round += 1) {
    const groups = ['a', 'b', 'c', 'd'].map((group) =>
      transport.consume({ topic: `t${round}`, group, concurrency: 1, ordering: 'none' }, () =>
        Promise.resolve({ kind: 'ack' }),
      ),
    );
    await Promise.all(groups);
  }
  expect(events.filter(({ type }) => type === 'disconnected' || type === 'error')).toEqual([]);
}, 120_000);

describe('a message that kills one process after the other', () => {
  it('is removed from its queue by the broker at last, and arrives only to become a dead letter', async () => {
    const deliveryLimit = 3;
    const { transport } = await connected(options({ namePrefix: 'killer.', deliveryLimit }));
    const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' } as const;
    await (await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }))).stop();
    await transport.publish(
      { topic: 't', group: 'g' },
      [{ id: 'killer', headers: {}, body: Buffer.from('x') }],
      {
        deadlineMs: 5_000,
      },
    );
    // A connection that ends with a message in hand is what a crash looks like to the broker.
    for (let crash = 0; crash <= deliveryLimit; crash++)
      await waitUntil('it is handed out', () =>
        asSomebodyElse(server, async (channel) => (await channel.get('killer.t/g')) !== false),
      );
    const deliveries = await collected(transport, 't');
    await waitUntil('it arrives', async () => deliveries.length === 1);
    expect(deliveries[0]).toMatchObject({
      message: { id: 'killer', headers: {} },
      unacceptable: { reason: 'max_deliveries', detail: expect.stringContaining('killer.t/g') },
    });
  });
});

describe('a handler', () => {
  it('that is slower than the consumer timeout of the broker loses its channel only, and the message comes again', async () => {
    const { transport, events } = await connected(options());
    const others = await collected(transport, 'quick');
    let isSlow = true;
    const deliveries = await collected(transport, 'slow', async () => {
      if (isSlow) {
        isSlow = false;
        await waitUntil('it has come again', async () => deliveries.length > 1);
      }
      return { kind: 'ack' };
    });
    await publishOne(transport, 'slow');
    await waitUntil('it comes again', async () => deliveries.length === 2, 100_000); // the broker looks once a minute
    expect(deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    await waitUntil('its settlement is dropped', async () =>
      events.some(({ type }) => type === 'settlement-dropped'),
    );
    expect(events.map(({ type }) => type)).not.toContain('disconnected');
    await publishOne(transport, 'quick');
    await waitUntil('others go on', async () => others.length === 1);
  }, 120_000);
});
