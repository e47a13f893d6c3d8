import { by, deadLetter, setUp } from '../../../../test/support/dead-letter-desk.js';
import { settle } from '../../../../test/support/hand-clock.js';
import { storedBytesOf } from '../ports/dead-letter-filter.js';
import type { DeadLetterStatus } from '../ports/dead-letter-store.js';
import { type DeadLetterLimits, problemsOfLimits } from '../ports/dead-letter-limits.js';

const DAY_MS = 86_400_000;
const FULL = { code: 'STORE_FULL' };

afterEach(() => jest.restoreAllMocks());

function keep(limits: DeadLetterLimits) {
  const desk = setUp(undefined, undefined, limits);
  const { store, service, events, park } = desk;
  const parkIn = async (n: number, ...path: DeadLetterStatus[]): Promise<string> => {
    const id = await park(n);
    let from: DeadLetterStatus = 'failed';
    for (const to of path) {
      await store.transition(id, [from], to);
      from = to;
    }
    return id;
  };
  const left = async (): Promise<string[]> =>
    (await store.list({}, { limit: 200, order: 'oldest-first' })).items.map(({ id }) => id);
  const removed = () => events.filter(({ type }) => type === 'dead-letter-removed');
  const problems = () => service.storage().problems.map(({ code, reason }) => [code, reason]);
  const check = async (): Promise<void> => {
    await desk.clock.advance(20_000);
    await settle();
  };
  return { ...desk, parkIn, left, removed, problems, check };
}

describe('what is done with', () => {
  it('is removed 14 days after it was archived or its replay was handled, and nothing else is', async () => {
    const { service, store, clock, parkIn, left, removed } = keep({});
    const failed = await parkIn(1);
    const archived = await parkIn(2);
    const resolved = await parkIn(3, 'replaying', 'replayed');
    const replayed = await parkIn(4, 'replaying', 'replayed');
    const replaying = await parkIn(5, 'replaying');
    await clock.advance(5 * DAY_MS);
    await service.archive(archived, by);
    await service.resolve(resolved);
    service.startRetention();
    await settle();
    await clock.advance(14 * DAY_MS - 1);
    await settle();
    expect(await left()).toHaveLength(5);
    await clock.advance(2 * 3_600_000);
    await settle();
    expect(await left()).toEqual([failed, replayed, replaying]);
    expect(removed()).toMatchObject([
      { id: resolved, status: 'resolved', cause: 'resolved', messageId: 'm-3' },
      { id: archived, status: 'archived', cause: 'resolved' },
    ]);
    expect(await store.count({})).toBe(3);
  });

  it('is removed with the first check when it was so long ago', async () => {
    const { service, clock, parkIn, left } = keep({});
    for (let n = 0; n < 450; n++) await parkIn(n, 'archived');
    const failed = await parkIn(1_000);
    await clock.advance(15 * DAY_MS);
    service.startRetention();
    await settle();
    expect(await left()).toEqual([failed]);
  });

  it('stays when an operator restores it meanwhile', async () => {
    const { service, store, clock, parkIn, left, removed } = keep({});
    const id = await parkIn(1, 'archived');
    await clock.advance(15 * DAY_MS);
    const discard = store.discard.bind(store);
    jest.spyOn(store, 'discard').mockImplementationOnce(async (...args) => {
      await service.restore(id, by);
      return discard(...args);
    });
    service.startRetention();
    await settle();
    expect(await left()).toEqual([id]);
    expect(removed()).toEqual([]);
  });

  it('makes room in a full store once its 14 days are over, and not before', async () => {
    const { clock, parkIn, park, left, check, service } = keep({ maxCount: 2 });
    service.startRetention();
    const archived = await parkIn(1, 'archived');
    const failed = await parkIn(2);
    await expect(park(3)).rejects.toMatchObject(FULL);
    expect(await left()).toEqual([archived, failed]);
    await clock.advance(14 * DAY_MS);
    await check();
    const third = await park(3);
    expect(await left()).toEqual([failed, third]);
  });
});

describe('a full store', () => {
  it('refuses what is pending, reports it, and takes it once there is room', async () => {
    const { service, park, left, problems, check } = keep({ maxCount: 2 });
    service.startRetention();
    const first = await park(1);
    await park(2);
    await expect(park(3)).rejects.toMatchObject(FULL);
    expect(problems()).toContainEqual(['dead_letters_full', undefined]);
    await check();
    expect(problems()).toContainEqual(['dead_letters_full', undefined]);
    await service.discard(first, { ...by, force: true });
    await check();
    expect(problems()).toEqual([]);
    await park(3);
    expect(await left()).toHaveLength(2);
  });

  it('is reported from 80 % on, by name, until it is below', async () => {
    const size = storedBytesOf(deadLetter(1, 1));
    const { service, park, problems, check, events } = keep({ maxCount: 10, maxBytes: 20 * size });
    service.startRetention();
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) ids.push(await park(n));
    await check();
    expect(problems()).toEqual([]);
    ids.push(await park(8));
    await check();
    await check();
    expect(problems()).toEqual([['dead_letters_near_limit', 'maxCount']]);
    await service.discard(ids[0] ?? '', { ...by, force: true });
    await check();
    expect(problems()).toEqual([]);
    const reported = events.filter(({ type }) => type === 'transport');
    expect(reported).toMatchObject([
      { transport: 'dead-letters', event: { type: 'problem' } },
      { transport: 'dead-letters', event: { type: 'problem-solved' } },
    ]);
  });

  it('drops the oldest with dropPending: handled, then archived, then pending, and no more than needed', async () => {
    const { park, parkIn, left, removed, problems } = keep({ maxCount: 4, dropPending: true });
    const [pending, archived, replayed, handled] = [
      await parkIn(1),
      await parkIn(2, 'archived'),
      await parkIn(3, 'replaying', 'replayed'),
      await parkIn(4, 'replaying', 'resolved'),
    ];
    const added: string[] = [];
    for (let n = 5; n < 9; n++) added.push(await park(n));
    expect(removed()).toMatchObject([
      { id: handled, status: 'resolved', cause: 'maxCount' },
      { id: archived, status: 'archived' },
      { id: pending, status: 'failed', messageId: 'm-1' },
      { id: added[0], status: 'failed' },
    ]);
    expect(await left()).toEqual([replayed, ...added.slice(1)]);
    expect(problems()).toEqual([['dead_letters_dropped', 'maxCount']]);
  });

  it('drops as many as the bytes of the next one need, and none for one that could never be kept', async () => {
    const letter = (n: number, bytes: number) => ({ ...deadLetter(n, n), body: new Uint8Array(bytes) });
    const size = storedBytesOf(letter(1, 1_000));
    const { service, left, removed } = keep({ maxBytes: 10 * size + 100, dropPending: true });
    const all: string[] = [];
    for (let n = 1; n <= 10; n++) all.push(await service.park(letter(n, 1_000)));
    await expect(service.park(letter(11, 10 * size))).rejects.toMatchObject(FULL);
    expect(removed()).toEqual([]);
    await service.park(letter(12, 3_100));
    expect(removed().map((one) => 'id' in one && one.id)).toEqual(all.slice(0, 3));
    expect((await left()).length).toBe(8);
  });

  it('that is full for another reason drops nothing', async () => {
    const { service, store, park, left, removed } = keep({ maxCount: 10, dropPending: true });
    await park(1);
    jest.spyOn(store, 'add').mockRejectedValue(Object.assign(new Error('no space'), { code: 'STORE_FULL' }));
    await expect(service.park(deadLetter(2, 2))).rejects.toMatchObject(FULL);
    expect(removed()).toEqual([]);
    expect(await left()).toHaveLength(1);
  });
});

describe('the age of dead letters', () => {
  it('is reported near its limit, and removes nothing', async () => {
    const { service, clock, park, left, problems, check } = keep({ maxAgeMs: 10 * DAY_MS });
    service.startRetention();
    await park(1);
    await clock.advance(7 * DAY_MS);
    await check();
    expect(problems()).toEqual([]);
    await clock.advance(2 * DAY_MS);
    await check();
    expect(problems()).toEqual([['dead_letters_near_limit', 'maxAgeMs']]);
    await clock.advance(30 * DAY_MS);
    await check();
    expect(await left()).toHaveLength(1);
  });

  it('removes what is older with dropPending', async () => {
    const { service, clock, parkIn, left, removed, check } = keep({ maxAgeMs: DAY_MS, dropPending: true });
    service.startRetention();
    const old = await parkIn(1);
    const replayed = await parkIn(2, 'replaying', 'replayed');
    await clock.advance(DAY_MS - 30_000);
    const young = await parkIn(3);
    await check();
    expect(await left()).toEqual([old, replayed, young]);
    await check();
    expect(await left()).toEqual([replayed, young]);
    expect(removed()).toMatchObject([{ id: old, status: 'failed', cause: 'maxAgeMs' }]);
  });
});

describe('a store that fails', () => {
  it('is reported until it keeps one again', async () => {
    const { service, store, park, problems, events } = keep({});
    const failing = jest
      .spyOn(store, 'add')
      .mockRejectedValue(Object.assign(new Error('gone'), { code: 'STORE_UNAVAILABLE' }));
    await expect(service.park(deadLetter(1, 1))).rejects.toThrow('gone');
    expect(problems()).toEqual([['dead_letters_unavailable', 'STORE_UNAVAILABLE']]);
    failing.mockRestore();
    await park(1);
    expect(problems()).toEqual([]);
    expect(events.filter(({ type }) => type === 'transport')).toHaveLength(2);
  });

  it('is checked again after it did not answer, and no more after the end', async () => {
    const { service, store, clock, check } = keep({ maxCount: 10 });
    const list = jest.spyOn(store, 'list').mockRejectedValueOnce(new Error('gone'));
    service.startRetention();
    await settle();
    expect(service.storage().usage).toBeUndefined();
    await check();
    expect(service.storage().usage).toMatchObject({ count: 0, bytes: 0 });
    service.onModuleDestroy();
    list.mockClear();
    await clock.advance(10 * DAY_MS);
    await settle();
    expect(list).not.toHaveBeenCalled();
  });
});

it('limits are checked at boot', () => {
  const store = { usage: () => Promise.resolve({ count: 0, bytes: 0 }) };
  expect(problemsOfLimits({ maxAgeMs: 1, maxCount: 1, maxBytes: 1, dropPending: true }, store)).toEqual([]);
  expect(problemsOfLimits({ maxCount: 0 }, store)).toEqual([expect.stringContaining('maxCount is 0')]);
  expect(problemsOfLimits({ dropPending: true }, store)).toEqual([expect.stringContaining('dropPending')]);
  expect(problemsOfLimits({ maxBytes: 5 }, {})).toEqual([expect.stringContaining('usage()')]);
  expect(problemsOfLimits({ maxAgeMs: 5 }, {})).toEqual([]);
});
