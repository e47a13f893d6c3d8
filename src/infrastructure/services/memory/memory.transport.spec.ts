import { ManualClock } from '../../../exports/testing.js';
import type {
  Delivery,
  Settlement,
  Subscription,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { type MemoryOptions, memoryOptionsSchema } from './memory.options.js';
import { MemoryTransport } from './memory.transport.js';

const ACK: Settlement = { kind: 'ack' };

/** What the conformance suite cannot know: the bounds of this transport, and that time is what its clock says. */
async function setUp(options: Partial<MemoryOptions> = {}) {
  const clock = new ManualClock();
  const transport = new MemoryTransport(memoryOptionsSchema.parse(options), {
    name: 'memory',
    clock,
    onEvent: () => undefined,
  });
  await transport.connect();
  const send = async (
    ids: readonly string[],
    {
      key,
      bytes = 1,
      group,
      delayMs,
    }: { key?: string; bytes?: number; group?: string; delayMs?: number } = {},
  ): Promise<string[]> => {
    const messages = ids.map((id): WireMessage => ({
      id,
      headers: {},
      body: Buffer.alloc(bytes),
      ...(key !== undefined && { key }),
    }));
    const to = { topic: 't', ...(group !== undefined && { group }) };
    const outcomes = await transport.publish(to, messages, {
      deadlineMs: 1_000,
      ...(delayMs !== undefined && { delayMs }),
    });
    return outcomes.map((one) => ('error' in one ? (one.error as Error & { code: string }).code : one.kind));
  };
  /** Notes what comes as `id#attempt@time`. */
  const consume = async (
    subscription: Partial<Subscription> = {},
    settle: (delivery: Delivery) => Settlement | Promise<Settlement> = () => ACK,
  ) => {
    const got: string[] = [];
    const consumer = await transport.consume(
      { topic: 't', group: 'g', concurrency: 10, ordering: 'none', ...subscription },
      async (delivery) => {
        got.push(`${delivery.message.id}#${delivery.attempt}@${clock.monotonic()}`);
        return settle(delivery);
      },
    );
    return { got, stop: () => consumer.stop() };
  };
  const backlog = (group = 'g') => transport.backlog({ topic: 't', group });
  return { clock, transport, send, consume, backlog };
}

describe('the bounds of the memory transport', () => {
  it('are so many messages, which it keeps for groups to come', async () => {
    const { send, consume, clock } = await setUp({ maxMessages: 3 });
    expect(await send(['a', 'b', 'c', 'd'])).toEqual(['accepted', 'accepted', 'accepted', 'TRANSPORT_FULL']);
    const { got } = await consume();
    await clock.advance(0);
    expect(got).toEqual(['a#1@0', 'b#1@0', 'c#1@0']);
    expect(await send(['e'])).toEqual(['accepted']);
  });

  it('are so many bytes, into which a smaller message may still fit', async () => {
    const { send, transport } = await setUp({ maxBytes: 10 });
    expect(await send(['a'], { bytes: 8 })).toEqual(['accepted']);
    expect(await send(['b'], { bytes: 3 })).toEqual(['TRANSPORT_FULL']);
    await transport.ping();
    expect(await send(['c'], { bytes: 2 })).toEqual(['accepted']);
    await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
  });

  it('count a message until every group that has consumed is past it', async () => {
    const { send, consume, clock } = await setUp({ maxMessages: 2 });
    const slow = await consume({ group: 'slow' });
    await slow.stop();
    await consume({ group: 'fast' });
    expect(await send(['a', 'b'])).toEqual(['accepted', 'accepted']);
    await clock.advance(0);
    expect(await send(['c'])).toEqual(['TRANSPORT_FULL']);
    await consume({ group: 'slow' });
    await clock.advance(0);
    expect(await send(['c', 'd'])).toEqual(['accepted', 'accepted']);
  });

  it('count what is in flight, what waits for a retry, what is delayed and what is directed', async () => {
    const { send, consume, clock } = await setUp({ maxMessages: 4 });
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    await consume({}, async ({ message: { id }, attempt }) => {
      if (id === 'stuck') await opened;
      return id === 'again' && attempt === 1 ? { kind: 'retry', delayMs: 50 } : ACK;
    });
    await send(['stuck', 'again']);
    await send(['later'], { delayMs: 70 });
    await send(['without a group'], { group: 'other' });
    await clock.advance(0);
    const roomAt = async (ms: number): Promise<string[]> => {
      await clock.advance(ms - clock.monotonic());
      return send(['x', 'y', 'z', 'a']);
    };
    expect((await send(['x']))[0]).toBe('TRANSPORT_FULL');
    open();
    expect(await roomAt(0)).toEqual(['accepted', ...Array<string>(3).fill('TRANSPORT_FULL')]);
    expect(await roomAt(51)).toEqual(['accepted', 'accepted', ...Array<string>(2).fill('TRANSPORT_FULL')]);
    expect(await roomAt(71)).toEqual([...Array<string>(3).fill('accepted'), 'TRANSPORT_FULL']);
  });

  it('refuse a body that is too large for itself, whatever room there is', async () => {
    const { send } = await setUp({ maxMessageBytes: 4 });
    expect(await send(['fits'], { bytes: 4 })).toEqual(['accepted']);
    expect(await send(['does not'], { bytes: 5 })).toEqual(['MESSAGE_TOO_LARGE']);
  });
});

describe('time in the memory transport', () => {
  it('is that of its clock, to the millisecond and in the order of the times', async () => {
    const { send, consume, clock } = await setUp();
    const { got } = await consume({}, ({ attempt }) => (attempt < 3 ? { kind: 'retry', delayMs: 100 } : ACK));
    await send(['late'], { delayMs: 50 });
    await send(['early'], { delayMs: 20 });
    await clock.advance(1_000);
    expect(got).toEqual([
      'early#1@20',
      'late#1@50',
      'early#2@120',
      'late#2@150',
      'early#3@220',
      'late#3@250',
    ]);
  });

  it('makes the age of the oldest message, wherever it waits', async () => {
    const { send, consume, clock, backlog } = await setUp();
    const { stop } = await consume({}, () => ({ kind: 'retry', delayMs: 100 }));
    await send(['retried']);
    await clock.advance(30);
    await send(['directed'], { group: 'g' });
    await clock.advance(10);
    expect(await backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 2, oldestAgeMs: 40 });
    await stop();
    await clock.advance(100);
    expect(await backlog()).toEqual({ ready: 2, inFlight: 0, delayed: 0, oldestAgeMs: 140 });
  });

  it('bounds closing while a handler is stuck', async () => {
    const { send, consume, clock, transport } = await setUp();
    await consume({}, () => new Promise<Settlement>(() => undefined));
    await send(['stuck']);
    await clock.advance(0);
    const closed = transport.close().then(() => clock.monotonic());
    await clock.advance(10_000);
    expect(await closed).toBe(5_000);
    expect(clock.pending).toBe(0);
  });
});

describe('the backlog of the memory transport', () => {
  it('reports as many delayed messages as the bounds allow', async () => {
    const { send, consume, backlog } = await setUp();
    await (await consume()).stop();
    const ids = Array.from({ length: 300_000 }, (_, nth) => `${nth}`);
    await send(ids, { group: 'g', delayMs: 1_000 });
    expect(await backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 300_000, oldestAgeMs: 0 });
  });

  it('counts in flight only what a handler has, not what waits for its key', async () => {
    const { send, consume, clock, backlog } = await setUp();
    const { got } = await consume(
      { concurrency: 3, ordering: 'key' },
      () => new Promise<Settlement>(() => undefined),
    );
    await send(['a1', 'a2', 'a3'], { key: 'a' });
    await send(['b1', 'b2'], { key: 'b' });
    await clock.advance(0);
    expect(got).toEqual(['a1#1@0', 'b1#1@0']);
    expect(await backlog()).toMatchObject({ ready: 3, inFlight: 2 });
  });
});

describe('keys in the memory transport', () => {
  it('do not hold up others however many messages wait for one of them, up to ten thousand', async () => {
    const { send, consume, clock } = await setUp();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const { got } = await consume({ concurrency: 2, ordering: 'key' }, async ({ message: { id } }) => {
      if (id === 'first') await opened;
      return ACK;
    });
    await send(['first'], { key: 'hot' });
    const more = Array.from({ length: 10_000 }, (_, nth) => `hot ${nth}`);
    await send(more.slice(1), { key: 'hot' });
    await send(['cool'], { key: 'cool' });
    await clock.advance(0);
    expect(got).toEqual(['first#1@0', 'cool#1@0']);
    await send([more[0] ?? '', 'one too many'], { key: 'hot' });
    await send(['waits'], { key: 'cool' });
    await clock.advance(0);
    expect(got).toHaveLength(2);
    open();
    await clock.advance(0);
    expect(got).toHaveLength(10_004);
    expect(got).toContain('waits#1@0');
  });

  it('are kept by the consumer that takes over, also while the other one still runs one of them', async () => {
    const { send, consume, clock } = await setUp();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const first = await consume({ ordering: 'key' }, async () => {
      await opened;
      return ACK;
    });
    await send(['1', '2', '3'], { key: 'k' });
    await clock.advance(0);
    const stopped = first.stop();
    const second = await consume({ ordering: 'key' });
    await send(['4'], { key: 'k' });
    await clock.advance(5);
    expect([first.got, second.got]).toEqual([['1#1@0'], []]);
    open();
    await stopped;
    await clock.advance(0);
    expect([first.got, second.got]).toEqual([['1#1@0'], ['2#1@5', '3#1@5', '4#1@5']]);
  });
});
