import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, rabbitmqBench } from './rabbitmq-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

const CANARY = 'canary-0815';
let server: RabbitmqCluster;
let url: string;

beforeAll(async () => {
  server = await startRabbitmq();
  url = server.urls[0]!;
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const options = (more: object = {}): object => ({ urls: server.urls, ...more });

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
  ])('%s fails at once, reports it, and shows no secret', async (_, wrong, reason) => {
    const { transport, events } = rabbitmqBench(wrong());
    const startedAt = performance.now();
    const error: unknown = await transport.connect().catch((thrown: unknown) => thrown);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect(String(error)).toContain(reason);
    expect(JSON.stringify([events, error, String((error as Error).stack)])).not.toContain(CANARY);
    expect((await publishOne(transport, 't')).kind).toBe('unavailable');
  });

  it('that become wrong while it runs make it unavailable, and right again make it work again', async () => {
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
  it('that cannot be reached is named with its address', async () => {
    const { transport } = rabbitmqBench({ urls: ['amqp://127.0.0.1:1'], connectTimeoutMs: 500 });
    await expect(transport.connect()).rejects.toThrow('127.0.0.1:1 cannot be reached (ECONNREFUSED)');
    expect((await publishOne(transport, 't')).kind).toBe('unavailable');
  });

  it('among several that are not there is found', async () => {
    const urls = ['amqp://127.0.0.1:1', url, 'amqp://127.0.0.1:2'];
    for (let time = 0; time < 5; time++) await connected({ urls });
  });

  it('with an alarm accepts nothing, reports it at once, continues to deliver, and accepts again afterwards', async () => {
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
    try {
      const publish = async () => {
        const startedAt = performance.now();
        const { kind } = await publishOne(transport, 'paused', { deadlineMs: 500 });
        expect(performance.now() - startedAt).toBeLessThan(2_000);
        return kind;
      };
      // On a loaded machine the signal takes effect a moment later.
      const kinds = [await publish()];
      if (kinds[0] === 'accepted') kinds.push(await publish());
      expect(kinds.at(-1)).toBe('unknown');
      await waitUntil(
        'it is gone',
        async () => (await publishOne(transport, 'paused')).kind === 'unavailable',
      );
    } finally {
      server.nodes[0]!.resume();
    }
    await waitUntil(
      'it accepts again',
      async () => (await publishOne(transport, 'paused')).kind === 'accepted',
    );
  });
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

  it('over the limit of the broker is not accepted, and does not stop others permanently', async () => {
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
});
