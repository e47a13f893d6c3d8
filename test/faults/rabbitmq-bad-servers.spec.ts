import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'amqplib';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, rabbitmqBench } from './rabbitmq-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

const CANARY = 'canary-0815';
let server: RabbitmqCluster;
let url: string;

beforeAll(async () => {
  server = await startRabbitmq({ config: ['consumer_timeout = 2000'] });
  url = server.urls[0]!;
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const options = (more: object = {}): object => ({ urls: server.urls, ...more });

/** Does something to the broker as somebody else. */
async function asSomebodyElse<T>(
  act: (
    channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>,
  ) => Promise<T>,
): Promise<T> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  try {
    return await act(channel);
  } finally {
    await connection.close();
  }
}

const publishedRaw = (
  exchange: string,
  routingKey: string,
  content: Buffer,
  properties = {},
): Promise<void> =>
  asSomebodyElse(async (channel) => {
    channel.publish(exchange, routingKey, content, properties);
    await channel.waitForConfirms();
  });

describe('credentials', () => {
  it.each([
    [
      'a wrong password in the URL',
      () => ({ urls: [url.replace('//', `//guest:${CANARY}@`)] }),
      'ACCESS_REFUSED',
    ],
    [
      'a wrong password as an option',
      () => ({ urls: [url], username: 'app', password: CANARY }),
      'ACCESS_REFUSED',
    ],
    ['a virtual host that is not there', () => ({ urls: [`${url}/gone`] }), 'NOT_ALLOWED'],
  ])('%s fails at once, says so, and shows no secret', async (_, wrong, reason) => {
    const { transport, events } = rabbitmqBench(wrong());
    const startedAt = performance.now();
    const error: unknown = await transport.connect().catch((thrown: unknown) => thrown);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect(String(error)).toContain(reason);
    expect(JSON.stringify([events, error, String((error as Error).stack)])).not.toContain(CANARY);
    expect((await publishOne(transport, 't')).kind).toBe('unavailable');
  });

  it('that become wrong while it runs make it unavailable, and right again make it go on', async () => {
    await server.control('add_user', 'app', CANARY);
    await server.control('set_permissions', 'app', '.*', '.*', '.*');
    const { transport, events } = await connected(options({ username: 'app', password: CANARY }));
    await server.control('change_password', 'app', 'other');
    await server.control('close_all_connections', '--vhost', '/', 'by the test');
    await waitUntil('it is gone', async () => (await publishOne(transport, 't')).kind === 'unavailable');
    await server.control('change_password', 'app', CANARY);
    await waitUntil('it accepts again', async () => (await publishOne(transport, 't')).kind === 'accepted');
    expect(JSON.stringify(events)).not.toContain(CANARY);
  });

  it('without permission are refused with what was not permitted', async () => {
    await server.control('add_user', 'weak', 'weak');
    await server.control('set_permissions', 'weak', '^$', '^$', '^$');
    const { transport } = await connected(
      options({ username: 'weak', password: 'weak', namePrefix: 'weak.' }),
    );
    const outcome = await publishOne(transport, 'orders');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['refused', 'FORBIDDEN']);
    expect(outcome.kind === 'accepted' ? '' : outcome.error.message).toContain('weak.orders');
    await expect(collected(transport, 'orders')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a broker', () => {
  it('that cannot be reached is told apart from others by its address', async () => {
    const { transport } = rabbitmqBench({ urls: ['amqp://127.0.0.1:1'], connectTimeoutMs: 500 });
    await expect(transport.connect()).rejects.toThrow('127.0.0.1:1 cannot be reached (ECONNREFUSED)');
    expect((await publishOne(transport, 't')).kind).toBe('unavailable');
  });

  it('among several that are not there is found', async () => {
    const urls = ['amqp://127.0.0.1:1', url, 'amqp://127.0.0.1:2'];
    for (let time = 0; time < 5; time++) await connected({ urls });
  });

  it('with an alarm takes nothing, says so at once, goes on handing out, and takes again afterwards', async () => {
    const { transport, events } = await connected(options());
    const deliveries = await collected(transport, 'alarm');
    expect((await publishOne(transport, 'alarm')).kind).toBe('accepted');
    await server.control('set_vm_memory_high_watermark', '0.00001');
    try {
      await waitUntil('it is blocked', async () => {
        await publishOne(transport, 'alarm', { deadlineMs: 200 });
        return events.some(({ type }) => type === 'blocked');
      });
      const startedAt = performance.now();
      const outcome = await publishOne(transport, 'alarm', { deadlineMs: 10_000 });
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      expect([outcome.kind, codeOf(outcome)]).toEqual(['unavailable', 'TRANSPORT_FULL']);
      await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      expect(await transport.backlog({ topic: 'alarm', group: 'g' })).toMatchObject({ inFlight: 0 });
    } finally {
      await server.control('set_vm_memory_high_watermark', 'absolute', '1GB');
    }
    await waitUntil(
      'it accepts again',
      async () => (await publishOne(transport, 'alarm')).kind === 'accepted',
    );
    expect(events.map(({ type }) => type)).toContain('unblocked');
    await waitUntil('everything accepted arrives', async () => deliveries.length >= 2);
  });

  it('that is paused is given up for another node, and answers are given within the deadline', async () => {
    const { transport } = await connected(options({ heartbeatMs: 1_000, operationTimeoutMs: 1_000 }));
    await publishOne(transport, 'paused');
    server.nodes[0]!.pause();
    const startedAt = performance.now();
    const outcome = await publishOne(transport, 'paused', { deadlineMs: 500 });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(outcome.kind).toBe('unknown');
    await waitUntil('it is gone', async () => (await publishOne(transport, 'paused')).kind === 'unavailable');
    server.nodes[0]!.resume();
    await waitUntil(
      'it accepts again',
      async () => (await publishOne(transport, 'paused')).kind === 'accepted',
    );
  });
});

describe('what is declared', () => {
  it('in another way is told with both sides, and left alone', async () => {
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

  it('and deleted by somebody is declared anew: an exchange', async () => {
    const { transport } = await connected(options({ namePrefix: 'gone.' }));
    const deliveries = await collected(transport, 'exchange');
    await publishOne(transport, 'exchange');
    await asSomebodyElse((channel) => channel.deleteExchange('gone.exchange'));
    await waitUntil('it accepts', async () => (await publishOne(transport, 'exchange')).kind === 'accepted');
    // The group is bound again when its consumer begins again; until then its messages are kept for it.
    await closeAll();
    const again = await connected(options({ namePrefix: 'gone.' }));
    const later = await collected(again.transport, 'exchange');
    await waitUntil('what was accepted arrives', async () => deliveries.length + later.length >= 2);
  });

  it('and deleted by somebody is declared anew: the queue under a consumer, while others go on', async () => {
    const { transport } = await connected(options({ namePrefix: 'gone.' }));
    const deliveries = await collected(transport, 'queue');
    const others = await collected(transport, 'other');
    await asSomebodyElse((channel) => channel.deleteQueue('gone.queue/g'));
    await publishOne(transport, 'other');
    await waitUntil('the other goes on', async () => others.length === 1);
    await waitUntil('messages arrive again', async () => {
      await publishOne(transport, 'queue');
      return deliveries.length > 0;
    });
  });

  it('and deleted by somebody is declared anew: where messages wait', async () => {
    const { transport } = await connected(options({ namePrefix: 'gone.' }));
    const deliveries = await collected(transport, 'wait');
    const later = async (): Promise<string> => {
      const message = { id: 'later', headers: {}, body: Buffer.from('x') };
      return (await transport.publish({ topic: 'wait' }, [message], { deadlineMs: 2_000, delayMs: 64 }))[0]!
        .kind;
    };
    expect(await later()).toBe('accepted');
    await waitUntil('it arrives', async () => deliveries.length === 1);
    await asSomebodyElse((channel) => channel.deleteQueue('gone.wait/~wait.64'));
    expect(await later()).toBe('unavailable');
    expect(await later()).toBe('accepted');
    await waitUntil('it arrives', async () => deliveries.length === 2);
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
    await server.control('clear_policy', 'full');
    await waitUntil('it accepts again', async () => (await publishOne(transport, 't')).kind === 'accepted');
  });

  it('with messages of somebody else hands out what can be made of them, and they can be retried', async () => {
    const { transport } = await connected(options({ namePrefix: 'foreign.' }));
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 10, headers: { why: 'again' } } : { kind: 'ack' },
    );
    await publishedRaw('', 'foreign.t/g', Buffer.from([0, 255]), { headers: { n: 1 } });
    await waitUntil('it arrives twice', async () => deliveries.length === 2);
    const [first, second] = deliveries;
    expect(first?.message.id).toMatch(/^unnamed-/);
    expect(second?.message).toMatchObject({ id: first?.message.id, headers: { n: '1', why: 'again' } });
    expect([...(second?.message.body ?? [])]).toEqual([0, 255]);
  });

  it('of what is due keeps a message of somebody else aside, and tells', async () => {
    const { transport, errors } = await connected(options({ namePrefix: 'odd.' }));
    await collected(transport, 't');
    await publishedRaw('odd.~due', '', Buffer.from('strange'));
    await waitUntil('it is told', async () => errors().some((text) => text.includes('odd.~unroutable')));
    await waitUntil('it is kept', () =>
      asSomebodyElse(async (channel) => (await channel.checkQueue('odd.~unroutable')).messageCount === 1),
    );
  });
});

describe('a handler', () => {
  it('that is slower than the broker bears loses its channel only, and the message comes again', async () => {
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

describe('a message', () => {
  it('whose headers AMQP cannot carry is refused, and its neighbours are accepted', async () => {
    const { transport } = await connected(options());
    const deliveries = await collected(transport, 'headers');
    const message = (id: string, headers: Record<string, string>) => ({
      id,
      headers,
      body: Buffer.from('x'),
    });
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, nth) => [`h${nth}`, 'x'.repeat(4_000)]));
    const sent = [message('a', {}), message('b', many), message('c', {})];
    const outcomes = await transport.publish({ topic: 'headers' }, sent, { deadlineMs: 5_000 });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'refused', 'accepted']);
    expect(codeOf(outcomes[1]!)).toBe('MESSAGE_TOO_LARGE');
    await waitUntil('its neighbours arrive', async () => deliveries.length === 2);
  });

  it('over the limit of the broker is not accepted, and does not stop others for good', async () => {
    const small = await startRabbitmq({ config: ['max_message_size = 100000'] });
    try {
      const { transport } = await connected({ urls: small.urls });
      const large = { id: 'large', headers: {}, body: Buffer.alloc(200_000) };
      const [outcome] = await transport.publish({ topic: 't' }, [large], { deadlineMs: 2_000 });
      expect([outcome?.kind, codeOf(outcome!)]).toEqual(['refused', 'MESSAGE_TOO_LARGE']);
      const [neighbour, again] = await transport.publish(
        { topic: 't' },
        [{ ...large, id: 'small', body: Buffer.alloc(10) }, large],
        { deadlineMs: 2_000 },
      );
      expect([neighbour?.kind, again?.kind]).toEqual(['accepted', 'refused']);
      await waitUntil(
        'it accepts others',
        async () => (await publishOne(transport, 't')).kind === 'accepted',
      );
    } finally {
      await closeAll();
      await small.stop();
    }
  }, 120_000);

  it('is asked for a few times a second at most while nothing can be declared', async () => {
    const { transport, errors } = await connected(options({ namePrefix: 'loop.' }));
    await collected(transport, 't');
    await asSomebodyElse(async (channel) => {
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
    expect(errors().filter((text) => text.includes('declared otherwise'))).toHaveLength(1);
  });
});
