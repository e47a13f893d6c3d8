import { settle } from '../../../../test/support/hand-clock.js';
import { by, failure, deadLetter, setUp } from '../../../../test/support/dead-letter-desk.js';
import { HEADER } from '../message/headers.js';

afterEach(() => jest.restoreAllMocks());

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

  it('with an unknown outcome reports it, and may be sent again by force only', async () => {
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

  it('starts at attempt 1 again, also when an earlier version has kept the letter', async () => {
    const { service, store, sent, clock } = setUp();
    const headers = {
      tenant: 'a',
      'x-msg-attempt': '5',
      'x-msg-history': '1@1:Error',
      'x-msg-dl-id': 'an-earlier-letter',
    };
    const id = await store.add({ ...deadLetter(1, clock.now()), headers });
    expect((await service.get(id)).headers).toEqual(headers);
    await service.replay(id, by);
    expect(sent.map(({ message }) => message.headers)).toEqual([{ tenant: 'a', [HEADER.deadLetterId]: id }]);
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

describe('a store that does not answer', () => {
  it('makes parking fail in time, so that the message stays with its transport', async () => {
    const { service, store, clock } = setUp();
    store.add = () => new Promise(() => undefined);
    const parking = service.park(deadLetter(1, clock.now()));
    const failed = expect(parking).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await clock.advance(15_000);
    await failed;
  });

  it('lets no replay wait for ever, and none begin behind the back of who gave up waiting', async () => {
    const { service, store, clock, park, sent } = setUp();
    const id = await park();
    await clock.advance(1);
    jest.spyOn(store, 'find').mockReturnValue(new Promise(() => undefined));
    const replaying = expect(service.replay(id, by)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await settle();
    await clock.advance(15_000);
    await replaying;
    expect(sent).toHaveLength(0);
  });
});

describe('the audit', () => {
  it('has one line before and one after each change, and a limited number of denials', async () => {
    const { service, auditLog, park, audit, events } = setUp();
    const id = await park();
    await service.archive(id, by);
    await service.restore(id, by);
    await expect(service.discard(id, by)).rejects.toMatchObject({ code: 'CONFLICT' });
    await service.discard(id, { ...by, force: true });
    expect(audit()).toMatchObject([
      { action: 'archive', outcome: 'started', actor: 'ann', id, reason: 'INC-1' },
      { action: 'archive', outcome: 'succeeded', actor: 'ann', id, reason: 'INC-1' },
      { action: 'restore', outcome: 'started' },
      { action: 'restore', outcome: 'succeeded' },
      { action: 'discard', outcome: 'started' },
      { action: 'discard', outcome: 'failed', errorCode: 'CONFLICT' },
      { action: 'discard', outcome: 'started' },
      { action: 'discard', outcome: 'succeeded' },
    ]);
    expect(events.filter(({ type }) => type === 'admin-action')).toHaveLength(4);
    for (let n = 0; n < 1_000; n++)
      await auditLog.end({ action: 'list', actor: 'anonymous', outcome: 'denied' });
    expect(audit()).toHaveLength(8 + 120);
  });
});
