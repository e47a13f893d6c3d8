import { Logger } from '@nestjs/common';
import { HandClock, settle } from '../../../../test/support/hand-clock.js';
import { MemoryDeadLetterStore } from '../../../infrastructure/services/memory/memory-dead-letter.store.js';
import { HEADER } from '../headers.js';
import { uuidV7 } from '../ids.js';
import type { MessagingEvent } from '../messaging.events.js';
import type { PublishOutcome, WireMessage } from '../transport.js';
import { DeadLetterService } from './dead-letter.service.js';
import type { NewDeadLetter } from './dead-letter-store.js';

afterEach(() => jest.restoreAllMocks());

type Answer = (message: WireMessage) => PublishOutcome | Promise<PublishOutcome>;
const accept: Answer = () => ({ kind: 'accepted' });

function setUp(answer: Answer = accept) {
  const clock = new HandClock();
  const store = new MemoryDeadLetterStore({ clock });
  const sent: { to: object; transport: string; message: WireMessage }[] = [];
  const events: MessagingEvent[] = [];
  const lines: unknown[] = [];
  jest.spyOn(Logger.prototype, 'log').mockImplementation((line: unknown) => void lines.push(line));
  const publisher = {
    publish: async (transport: string, to: object, message: WireMessage) => {
      sent.push({ to, transport, message });
      return { transport, outcome: await answer(message) };
    },
  };
  const service = new DeadLetterService(store, publisher, (event) => events.push(event), clock);
  const park = async (n = 1): Promise<string> => {
    await clock.advance(1);
    return service.park(letter(n, clock.now()));
  };
  const audit = () => lines.map((line) => JSON.parse(String(line)) as object);
  return { clock, store, service, sent, events, park, audit };
}

function letter(n: number, now: number): NewDeadLetter {
  return {
    id: uuidV7(now),
    topic: 'orders.placed',
    group: 'billing',
    handler: 'Billing.charge',
    transport: 'main',
    messageId: `m-${n}`,
    key: `k-${n}`,
    reason: 'handler_error',
    error: { type: 'Error', message: 'x' },
    fingerprint: 'f',
    attempts: 5,
    history: [],
    firstFailedAt: now,
    deadLetteredAt: now,
    headers: { [HEADER.attempt]: '5', [HEADER.history]: '1@1:Error', tenant: 'a', [HEADER.type]: 't' },
    body: Uint8Array.of(1, 0, 255),
  };
}

const by = { actor: 'ann', reason: 'INC-1' };
const failure = (kind: 'unavailable' | 'refused' | 'unknown'): PublishOutcome => ({
  kind,
  error: Object.assign(new Error('canary'), { code: 'ECONNRESET' }),
});

describe('the replay of a letter', () => {
  it('sends what arrived, to the group that gave it up, and begins its attempts again', async () => {
    const { service, sent, park, store } = setUp();
    const id = await park();
    expect(await service.replay(id, by)).toEqual({
      id,
      status: 'replayed',
      messageId: 'm-1',
      transport: 'main',
      outcome: 'accepted',
    });
    expect(sent).toEqual([
      {
        transport: 'main',
        to: { topic: 'orders.placed', group: 'billing' },
        message: {
          id: 'm-1',
          key: 'k-1',
          headers: { tenant: 'a', [HEADER.type]: 't', [HEADER.deadLetterId]: id },
          body: Uint8Array.of(1, 0, 255),
        },
      },
    ]);
    expect(await service.resolve(id)).toBe(true);
    expect(await store.find(id)).toMatchObject({ status: 'resolved', replayCount: 1 });
  });

  it('sends once when two ask at the same time', async () => {
    const { service, sent, park } = setUp();
    const id = await park();
    const both = await Promise.allSettled([service.replay(id, by), service.replay(id, by)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(sent).toHaveLength(1);
  });

  it.each(['unavailable', 'refused'] as const)('that is %s leaves the letter failed', async (kind) => {
    const { service, park, store, audit } = setUp(() => failure(kind));
    const id = await park();
    const code = `PUBLISH_${kind.toUpperCase()}`;
    const error = await service.replay(id, by).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining('ECONNRESET') });
    expect((error as Error).message).not.toContain('canary');
    expect((await store.find(id))?.status).toBe('failed');
    expect(audit().at(-1)).toMatchObject({
      action: 'replay',
      outcome: 'failed',
      actor: 'ann',
      id,
      errorCode: code,
    });
  });

  it('with an unknown outcome says so, and may be sent again by force only', async () => {
    const { service, park, sent } = setUp(() => failure('unknown'));
    const id = await park();
    expect(await service.replay(id, by)).toMatchObject({ status: 'replayed', outcome: 'unknown' });
    await expect(service.replay(id, by)).rejects.toMatchObject({ code: 'CONFLICT' });
    await service.replay(id, { ...by, force: true });
    expect(sent).toHaveLength(2);
  });

  it('is unknown when the publisher never answers', async () => {
    const { service, park, clock } = setUp(() => new Promise(() => undefined));
    const replay = service.replay(await park(), by);
    await settle();
    await clock.advance(12_001);
    expect(await replay).toMatchObject({ outcome: 'unknown' });
  });

  it('is taken over, once, when its process died a minute ago', async () => {
    const { service, park, clock, store, sent } = setUp();
    const id = await park();
    await store.transition(id, ['failed'], 'replaying');
    await clock.advance(60_000);
    await expect(service.replay(id, by)).rejects.toMatchObject({ code: 'CONFLICT' });
    await clock.advance(1);
    const all = await Promise.allSettled([1, 2, 3].map(() => service.replay(id, by)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(sent).toHaveLength(1);
  });

  it('was sent even if the store then fails, and is resolved later', async () => {
    const { service, park, store } = setUp();
    const id = await park();
    const transition = store.transition.bind(store);
    jest
      .spyOn(store, 'transition')
      .mockImplementationOnce(transition)
      .mockRejectedValueOnce(new Error('gone'));
    expect(await service.replay(id, by)).toMatchObject({ status: 'replaying', outcome: 'accepted' });
    expect(await service.resolve(id)).toBe(true);
  });

  it('loses to a handler that is faster than the answer', async () => {
    const shop = setUp(async ({ headers }) => {
      await shop.service.resolve(headers[HEADER.deadLetterId] ?? '');
      return { kind: 'accepted' };
    });
    const id = await shop.park();
    expect(await shop.service.replay(id, by)).toMatchObject({ status: 'resolved' });
  });
});

describe('the replay of what matches', () => {
  it('keeps to its rate', async () => {
    const { service, park, clock, sent } = setUp();
    for (let n = 1; n <= 3; n++) await park(n);
    await clock.advance(1);
    await service.replayMatching({}, { ...by, ratePerSecond: 10 });
    await settle();
    expect(sent).toHaveLength(1);
    await clock.advance(99);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent).toHaveLength(2);
    await clock.advance(100);
    await clock.advance(100);
    expect(service.currentReplay()).toMatchObject({ state: 'completed', counts: { succeeded: 3 } });
  });

  it('sends none twice, even if it fails again at once', async () => {
    const shop = setUp(async ({ id }) => {
      await shop.service.park({ ...letter(0, shop.clock.now()), messageId: id });
      return { kind: 'accepted' };
    });
    for (let n = 1; n <= 3; n++) await shop.park(n);
    await shop.clock.advance(1);
    await shop.service.replayMatching({}, { ...by, ratePerSecond: 500 });
    for (let step = 0; step < 10; step++) await shop.clock.advance(2);
    expect(shop.service.currentReplay()).toMatchObject({
      state: 'completed',
      counts: { selected: 3, done: 3 },
    });
    expect(shop.sent.map(({ message }) => message.id)).toEqual(['m-1', 'm-2', 'm-3']);
    expect(await shop.store.count({ status: 'failed' })).toBe(3);
  });

  it('leaves out what is parked after it has begun', async () => {
    const shop = setUp(async () => {
      await shop.service.park(letter(999, shop.clock.now()));
      return { kind: 'accepted' };
    });
    const morePagesThanOne = 101;
    for (let n = 1; n <= morePagesThanOne; n++) await shop.park(n);
    await shop.clock.advance(1);
    await shop.service.replayMatching({}, { ...by, ratePerSecond: 500 });
    for (let step = 0; step < 110; step++) await shop.clock.advance(2);
    expect(shop.service.currentReplay()?.counts).toMatchObject({ selected: 101, done: 101 });
    expect(shop.sent.map(({ message }) => message.id)).not.toContain('m-999');
  });

  it('gives up after ten failures in a row and records how far it came', async () => {
    const { service, park, clock, sent, audit } = setUp(() => failure('unavailable'));
    for (let n = 1; n <= 12; n++) await park(n);
    await clock.advance(1);
    await service.replayMatching({}, { ...by, ratePerSecond: 500 });
    for (let step = 0; step < 20; step++) await clock.advance(2);
    expect(service.currentReplay()).toMatchObject({ state: 'aborted', errorCode: 'PUBLISH_UNAVAILABLE' });
    expect(sent).toHaveLength(10);
    expect(audit().map((line) => (line as { outcome: string }).outcome)).toEqual(['started', 'failed']);
  });

  it('ends at once with the application, however long its pauses are', async () => {
    const { service, park, clock, sent } = setUp();
    for (let n = 1; n <= 3; n++) await park(n);
    await clock.advance(1);
    await service.replayMatching({}, { ...by, ratePerSecond: 1 });
    await settle();
    await service.onModuleDestroy();
    expect(service.currentReplay()).toMatchObject({ state: 'cancelled', counts: { done: 1 } });
    expect(sent).toHaveLength(1);
    await expect(service.replayMatching({}, by)).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  it('reads more than one page', async () => {
    const { service, park, clock } = setUp();
    for (let n = 1; n <= 250; n++) await park(n);
    await clock.advance(1);
    await service.replayMatching({}, { ...by, ratePerSecond: 500 });
    for (let step = 0; step < 260; step++) await clock.advance(2);
    expect(service.currentReplay()).toMatchObject({ state: 'completed', counts: { succeeded: 250 } });
  });

  it.each([
    { ratePerSecond: 0 },
    { ratePerSecond: 501 },
    { ratePerSecond: NaN },
    { limit: 0 },
    { limit: 1.5 },
  ])('is refused with %j', async (limits) => {
    const { service } = setUp();
    await expect(service.replayMatching({}, { ...by, ...limits })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });

  it('is refused for letters that are resolved', async () => {
    const { service } = setUp();
    const replay = service.replayMatching({ status: 'resolved' }, { ...by, dryRun: true });
    await expect(replay).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

describe('a store that does not answer', () => {
  it('makes parking fail in time, so that the message stays with its transport', async () => {
    const { service, store, clock } = setUp();
    store.add = () => new Promise(() => undefined);
    const parking = service.park(letter(1, clock.now()));
    const failed = expect(parking).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await clock.advance(15_000);
    await failed;
  });
});

describe('the audit', () => {
  it('has one line for each change and a limited number of denials', async () => {
    const { service, park, audit, events } = setUp();
    const id = await park();
    await service.archive(id, by);
    await service.restore(id, by);
    await expect(service.discard(id, by)).rejects.toMatchObject({ code: 'CONFLICT' });
    await service.discard(id, { ...by, force: true });
    expect(audit()).toMatchObject([
      { action: 'archive', outcome: 'succeeded', actor: 'ann', id, reason: 'INC-1' },
      { action: 'restore', outcome: 'succeeded' },
      { action: 'discard', outcome: 'failed', errorCode: 'CONFLICT' },
      { action: 'discard', outcome: 'succeeded' },
    ]);
    expect(events.filter(({ type }) => type === 'admin-action')).toHaveLength(4);
    for (let n = 0; n < 1_000; n++) service.audit({ action: 'list', actor: 'anonymous', outcome: 'denied' });
    expect(audit()).toHaveLength(4 + 120);
  });
});
