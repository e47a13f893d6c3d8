import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '../../../../../test/support/brokers/wait-until.js';
import { JumpingClock } from '../../../../testing/conformance/jumping-clock.js';
import { ManualClock } from '../../../../exports/testing.js';
import { SeverableTransport } from '../../../../testing/severable-transport.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { MessagingError, NotKeptError } from '../../../../core/messaging/ports/errors.js';
import type {
  Clock,
  Delivery,
  PublishOptions,
  RefusedMessage,
  Transport,
  TransportEvent,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { memoryOptionsSchema } from '../../memory/memory.options.js';
import { MemoryTransport } from '../../memory/memory.transport.js';
import { spooledOptionsSchema } from './spooled.options.js';
import { SpooledTransport } from './spooled.transport.js';

const refusal = new MessagingError('MESSAGE_TOO_LARGE', 'too large');
const opened: Transport[] = [];
afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())));

function memory(name: string, clock: Clock = systemClock): MemoryTransport {
  return new MemoryTransport(memoryOptionsSchema.parse({}), {
    name,
    clock,
    onEvent: () => undefined,
  });
}

/** Takes it for a disk. */
function durable(transport: MemoryTransport): Transport {
  const line = new SeverableTransport(transport, () => undefined);
  return Object.assign(line, { durability: 'acknowledged' as const });
}

/** A broker that refuses messages by their id, and answers unknown for others. */
function particular(transport: Transport, isOpen: () => boolean): Transport {
  return new Proxy(transport, {
    get: (target, key) => {
      if (key !== 'publish') {
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      }
      return async (...[to, messages, options]: Parameters<Transport['publish']>) => {
        const outcomes = await target.publish(to, messages, options);
        return messages.map(({ id }, index) => {
          if (id.startsWith('refused') && isOpen()) return { kind: 'refused', error: refusal };
          if (id.startsWith('unknown')) return { kind: 'unknown', error: refusal };
          return outcomes[index];
        });
      };
    },
  });
}

interface Surroundings {
  readonly notKept?: Error;
  readonly diskClock?: Clock;
}

async function setUp(options: object = {}, { notKept, diskClock }: Surroundings = {}) {
  const events: TransportEvent[] = [];
  const refused: RefusedMessage[] = [];
  const broker = new SeverableTransport(memory('broker'), () => undefined);
  const clock = new JumpingClock();
  const state = { isGone: false };
  const target = particular(broker, () => !state.isGone);
  const settings = spooledOptionsSchema.parse({ probeIntervalMs: 50, maxProbeIntervalMs: 100, ...options });
  const disk = durable(memory('disk', diskClock));
  const spooled = new SpooledTransport({ transport: target, spool: disk }, settings, {
    name: 'main',
    clock,
    onEvent: (event) => events.push(event),
    keepRefused: (one) => {
      if (notKept) return Promise.reject(notKept);
      refused.push(one);
      return Promise.resolve();
    },
  });
  opened.push(spooled);
  await spooled.connect();
  const deliveries: Delivery[] = [];
  const take = (delivery: Delivery) => {
    deliveries.push(delivery);
    return Promise.resolve({ kind: 'ack' } as const);
  };
  await spooled.consume({ topic: 't', group: 'g', concurrency: 1, ordering: 'key' }, take);
  await spooled.consume({ topic: 't', group: 'other', concurrency: 1, ordering: 'none' }, () =>
    Promise.resolve({ kind: 'ack' }),
  );
  const publish = (
    messages: readonly WireMessage[],
    more: Partial<PublishOptions> & { group?: string } = {},
  ) => {
    const { group, ...rest } = more;
    return spooled.publish({ topic: 't', ...(group ? { group } : {}) }, messages, {
      deadlineMs: 5_000,
      ...rest,
    });
  };
  const sever = async (): Promise<void> => {
    state.isGone = true;
    await broker.sever();
  };
  const mend = async (): Promise<void> => {
    state.isGone = false;
    await broker.restore();
  };
  const ids = (): string[] => deliveries.map((delivery) => delivery.message.id);
  return { clock, spooled, events, refused, deliveries, ids, publish, sever, mend, broker, disk };
}

const message = (id: string, key?: string): WireMessage => ({
  id,
  ...(key === undefined ? {} : { key }),
  headers: { header: 'wörth' },
  body: Buffer.from('x'),
});

it('spools what the transport cannot take, reports it, and sends it unchanged once the transport works again', async () => {
  const { spooled, events, deliveries, ids, publish, sever, mend } = await setUp({ failuresToOpen: 1 });
  await sever();
  const [first] = await publish([message('a', 'k'), message('b')]);
  expect(first).toMatchObject({
    kind: 'accepted',
    trail: { transport: 'disk', status: 'spooled', durability: 'acknowledged' },
  });
  expect(first?.trail?.attempts).toMatchObject([
    { transport: 'broker', outcome: 'unavailable' },
    { transport: 'disk', outcome: 'accepted' },
  ]);
  const [later] = await publish([message('c', 'k')]);
  expect(later?.trail?.attempts).toMatchObject([{ transport: 'disk' }]); // the broker is left alone meanwhile
  expect(spooled.state().spool?.messages).toBe(3);
  await expect(spooled.ping()).resolves.toBeUndefined();
  await mend();
  await waitUntil('all are there', async () => deliveries.length === 3);
  expect(deliveries.find(({ message: { id } }) => id === 'a')).toEqual({
    message: message('a', 'k'),
    attempt: 1,
    transport: 'main',
  });
  expect(ids().indexOf('a')).toBeLessThan(ids().indexOf('c'));
  await waitUntil('the spool is empty', async () => spooled.state().spool?.messages === 0);
  expect(events.filter(({ type }) => type === 'switched')).toMatchObject([
    { from: 'broker', to: 'disk' },
    { from: 'disk', to: 'broker', reason: 'it works again' },
  ]);
});

it('keeps group and delay of what it spools', async () => {
  const { ids, publish, sever, mend } = await setUp();
  await sever();
  const startedAt = performance.now();
  await publish([message('late')], { delayMs: 700 });
  await publish([message('one group')], { group: 'other' });
  await mend();
  await waitUntil('it is there', async () => ids().includes('late'));
  expect(performance.now() - startedAt).toBeGreaterThan(650);
  expect(ids()).toEqual(['late']);
});

it.each([3_600_000, -3_600_000])('keeps the delay although the clock is set by %s ms', async (aheadMs) => {
  const { clock, ids, publish, sever, mend } = await setUp();
  await sever();
  const startedAt = performance.now();
  await publish([message('late')], { delayMs: 700 });
  clock.set(aheadMs);
  await mend();
  await waitUntil('it is there', async () => ids().includes('late'));
  expect(performance.now() - startedAt).toBeGreaterThan(650);
});

it('sends later messages of a key behind its spooled ones, and others at once', async () => {
  const { spooled, ids, publish, sever, mend } = await setUp({ drainPerSecond: 20 });
  await sever();
  await publish(Array.from({ length: 10 }, (_, nth) => message(`k${nth}`, 'k')));
  await mend();
  await waitUntil('the drain has begun', async () => ids().includes('k2'));
  const [behind, direct] = await publish([message('k10', 'k'), message('free')]);
  expect([behind?.trail?.status, direct?.trail?.status]).toEqual(['spooled', 'accepted']);
  await waitUntil('the last is there', async () => ids().includes('k10'));
  const keyed = ids().filter((id) => id.startsWith('k'));
  expect(keyed).toEqual(Array.from({ length: 11 }, (_, nth) => `k${nth}`));
  expect(ids().indexOf('free')).toBeLessThan(ids().indexOf('k9'));
  await waitUntil('the spool is empty', async () => spooled.state().spool?.messages === 0);
  expect((await publish([message('k11', 'k')]))[0]?.trail?.status).toBe('accepted');
});

it('parks what the transport refuses as dead letters, and continues with the rest', async () => {
  const { spooled, refused, ids, publish, sever, mend } = await setUp();
  await sever();
  await publish([message('refused', 'k'), message('fine', 'k')]);
  await mend();
  await waitUntil('the rest is there', async () => ids().includes('fine'));
  expect(refused).toMatchObject([{ to: { topic: 't' }, message: { id: 'refused' }, transport: 'broker' }]);
  await waitUntil('the spool is empty', async () => spooled.state().spool?.messages === 0);
});

it('parks what it cannot read in its spool, reports it, and continues with the rest', async () => {
  const { spooled, events, refused, ids, publish, sever, mend, disk } = await setUp();
  await sever();
  const headers = { 'x-swy-spool': '{"to":{"topic":"../x"}}', tenant: 'acme' };
  const broken = { id: 'broken', key: 'k', headers, body: Buffer.from([0xff, 0x00]) };
  await disk.publish({ topic: 'spool.main' }, [broken], { deadlineMs: 1_000 });
  await publish([message('fine', 'k')]);
  await mend();
  await waitUntil('the rest is there', async () => ids().includes('fine'));
  expect(refused).toMatchObject([
    {
      to: { topic: 'spool.main', group: 'drain' },
      message: broken,
      reason: 'deserialization_failed',
      transport: 'disk',
    },
  ]);
  expect(events).toContainEqual({
    type: 'problem',
    problem: expect.objectContaining({ code: 'spool_unreadable', topic: 'spool.main' }) as unknown,
  });
  await waitUntil('the spool is empty', async () => spooled.state().spool?.messages === 0);
});

it('keeps what it cannot read while that cannot be parked', async () => {
  const { events, disk } = await setUp({}, { notKept: new Error('the store is gone') });
  const broken = { id: 'broken', headers: {}, body: Buffer.from('x') };
  await disk.publish({ topic: 'spool.main' }, [broken], { deadlineMs: 1_000 });
  await waitUntil('the error is reported', async () => events.some(({ type }) => type === 'error'));
  const { ready, inFlight, delayed } = await disk.backlog({ topic: 'spool.main', group: 'drain' });
  expect(ready + inFlight + delayed).toBe(1);
});

it('keeps everything in the spool during an operator override', async () => {
  const { spooled, ids, publish } = await setUp();
  spooled.override({ action: 'leave-out', member: 'broker', forMs: 60_000 });
  const [outcome] = await publish([message('a')]);
  expect(outcome?.trail?.status).toBe('spooled');
  spooled.override({ action: 'pause-spool', forMs: 60_000 });
  spooled.override({ action: 'reset', member: 'broker' });
  await wait(200);
  expect(ids()).toEqual([]);
  expect(spooled.state().spool).toMatchObject({ messages: 1, isPaused: true });
  spooled.override({ action: 'resume-spool' });
  await waitUntil('it is sent', async () => ids().includes('a'));
});

it('sends on by itself when a pause is over', async () => {
  const { spooled, ids, publish, sever, mend } = await setUp();
  await sever();
  await publish([message('a')]);
  spooled.override({ action: 'pause-spool', forMs: 300 });
  await mend();
  await waitUntil('it is sent', async () => ids().includes('a'));
});

it('counts what it holds once, however often it is connected', async () => {
  const { spooled, publish, sever } = await setUp();
  await sever();
  await publish([message('a', 'k')]);
  await Promise.all([spooled.connect(), spooled.connect()]);
  expect(spooled.state().spool?.messages).toBe(1);
});

it('reports that nothing is consumed while its transport does not work', async () => {
  const { spooled, events, publish, sever, mend } = await setUp();
  const place = { code: 'consumer_interrupted', topic: 't' };
  await sever();
  for (let time = 0; time < 3; time++) await publish([message(`spooled ${time}`)]);
  await waitUntil('it is reported', async () => spooled.problems().length > 0);
  expect(spooled.problems()).toMatchObject([
    { ...place, group: 'g' },
    { ...place, group: 'other' },
  ]);
  await mend();
  await waitUntil('it is mended', async () => spooled.problems().length === 0);
  expect(events.filter(({ type }) => type.startsWith('problem')).map(({ type }) => type)).toEqual([
    ...['problem', 'problem'],
    ...['problem-solved', 'problem-solved'],
  ]);
});

it('sends at its pace and not in bursts', async () => {
  const { ids, publish, sever, mend } = await setUp({ drainPerSecond: 40 });
  await sever();
  await publish(Array.from({ length: 60 }, (_, nth) => message(String(nth))));
  await mend();
  await waitUntil('the drain has begun', async () => ids().length > 0);
  const startedAt = performance.now();
  await waitUntil('all are there', async () => ids().length === 60);
  expect(performance.now() - startedAt).toBeGreaterThan(1_200);
});

it('reports what keeps it from consuming, and consumes once it can', async () => {
  const { spooled, events, publish, sever, mend } = await setUp();
  await sever();
  const taken: string[] = [];
  await spooled.consume(
    { topic: 'u', group: 'g', concurrency: 1, ordering: 'none' },
    ({ message: { id } }) => {
      taken.push(id);
      return Promise.resolve({ kind: 'ack' });
    },
  );
  expect(events.filter(({ type }) => type === 'error')).toHaveLength(1);
  await publish([message('for t')]);
  await spooled.publish({ topic: 'u' }, [message('for u')], { deadlineMs: 5_000 });
  await mend();
  await waitUntil('it is there', async () => taken.includes('for u'));
});

it('keeps what was refused while no dead letter can be stored', async () => {
  const { spooled, events, publish, sever, mend } = await setUp(
    {},
    { notKept: new Error('the store is gone') },
  );
  await sever();
  await publish([message('refused')]);
  await mend();
  await waitUntil('the error is reported', async () => events.some(({ type }) => type === 'error'));
  expect(spooled.state().spool?.messages).toBe(1);
});

it('offers what was refused, or cannot be read, to a full store as rarely as that says', async () => {
  const full = new NotKeptError(new MessagingError('STORE_FULL', 'full'), 300_000);
  const diskClock = new ManualClock();
  const { events, publish, sever, mend, disk } = await setUp({}, { notKept: full, diskClock });
  await sever();
  await publish([message('refused')]);
  const broken = { id: 'broken', headers: {}, body: Buffer.from('x') };
  await disk.publish({ topic: 'spool.main' }, [broken], { deadlineMs: 1_000 });
  await mend();
  const offered = (): number =>
    events.filter((event) => event.type === 'error' && event.error === full).length;
  await waitUntil('both were offered', async () => offered() >= 2);
  await wait(50);
  await diskClock.advance(299_000);
  await wait(50);
  expect(offered()).toBe(2);
  await diskClock.advance(2_000);
  await waitUntil('both were offered again', async () => offered() === 4);
});

it('takes no more than it may, and says why', async () => {
  const { spooled, publish, sever } = await setUp({ maxMessages: 2 });
  await sever();
  const outcomes = await publish([message('a'), message('b'), message('c')]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'unavailable']);
  expect(outcomes[2]).toMatchObject({ error: { code: 'TRANSPORT_FULL', message: /2 messages wait/ } });
  await expect(spooled.ping()).rejects.toThrow();
});

it('takes no more while its oldest message is too old', async () => {
  const { publish, sever } = await setUp({ maxAgeMs: 1_000 });
  await sever();
  await publish([message('a')]);
  await wait(1_100);
  await waitUntil('it is too old', async () => {
    const [outcome] = await publish([message('b')]);
    return outcome?.kind === 'unavailable' && /more than 1000 ms/.test(outcome.error.message);
  });
});

it('spools what may have been taken, or stops there, as it is configured', async () => {
  const spooling = await setUp();
  expect((await spooling.publish([message('unknown')]))[0]).toMatchObject({
    kind: 'accepted',
    trail: { status: 'spooled', attempts: [{ outcome: 'unknown' }, { outcome: 'accepted' }] },
  });
  const stopping = await setUp({ onUnknown: 'stop' });
  expect((await stopping.publish([message('unknown')]))[0]?.kind).toBe('unknown');
});

it('refuses a spool that would not survive, and itself', () => {
  const context = { name: 'main', clock: systemClock, onEvent: () => undefined };
  const one = memory('one');
  const options = spooledOptionsSchema.parse({});
  expect(() => new SpooledTransport({ transport: one, spool: one }, options, context)).toThrow(/durable/);
});
