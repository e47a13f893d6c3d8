import { settle } from '../../../../test/support/hand-clock.js';
import { by, failure, deadLetter, setUp } from '../../../../test/support/dead-letter-desk.js';

afterEach(() => jest.restoreAllMocks());

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
      await shop.service.park({ ...deadLetter(0, shop.clock.now()), messageId: id });
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
      await shop.service.park(deadLetter(999, shop.clock.now()));
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
