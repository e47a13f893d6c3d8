import { settle } from '../../../../test/support/hand-clock.js';
import { by, deadLetter, failure, setUp } from '../../../../test/support/dead-letter-desk.js';
import type { OperationsService } from './operations.service.js';

type Desk = ReturnType<typeof setUp>;

afterEach(() => jest.restoreAllMocks());

/** A desk with so many dead letters, and a process that works on operations. */
async function deskWith(
  count: number,
  desk: Desk = setUp(),
): Promise<Desk & { operations: OperationsService }> {
  for (let n = 1; n <= count; n++) await desk.park(n);
  await desk.clock.advance(1);
  const operations = desk.operationsOf();
  await operations.start();
  return { ...desk, operations };
}

async function pass({ clock }: Pick<Desk, 'clock'>, ms: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    await settle();
  }
}

const all = { kind: 'replay', selection: { filter: {} }, ...by } as const;

describe('a replay', () => {
  it('keeps to its rate, and to one that is ordered meanwhile', async () => {
    const desk = await deskWith(30);
    const { operations, sent } = desk;
    const { id } = await operations.create({ ...all, ratePerSecond: 10 });
    await pass(desk, 1_000);
    expect(sent.length).toBeGreaterThanOrEqual(9);
    expect(sent.length).toBeLessThanOrEqual(12);
    await operations.change(id, { ratePerSecond: 500, ...by });
    await pass(desk, 2_500);
    expect(sent).toHaveLength(30);
  });

  it('sends none twice, even if it fails again at once, and says how many did', async () => {
    const desk: Desk = setUp(async ({ id }) => {
      await desk.service.park({ ...deadLetter(0, desk.clock.now()), messageId: id });
      return { kind: 'accepted' };
    });
    const { operations, sent, store } = await deskWith(3, desk);
    const { id } = await operations.create({ ...all, ratePerSecond: 500 });
    await pass(desk, 2_000);
    expect(await operations.find(id)).toMatchObject({
      state: 'completed',
      counts: { selected: 3, done: 3, succeeded: 3, checked: 3, failedAgain: 3 },
    });
    expect(sent.map(({ message }) => message.id)).toEqual(['m-1', 'm-2', 'm-3']);
    expect(await store.count({ status: 'failed' })).toBe(3);
  });

  it('leaves out what is parked after it was made', async () => {
    const desk: Desk = setUp(async () => {
      await desk.service.park(deadLetter(999, desk.clock.now()));
      return { kind: 'accepted' };
    });
    const { operations, sent } = await deskWith(101, desk);
    const { id } = await operations.create({ ...all, ratePerSecond: 500, abortRatio: 1 });
    await pass(desk, 2_000);
    expect((await operations.find(id, 0)).counts).toMatchObject({ selected: 101, done: 101 });
    expect(sent.map(({ message }) => message.id)).not.toContain('m-999');
  });

  it('takes the oldest first, and no more than it may', async () => {
    const desk = await deskWith(5);
    const { id } = await desk.operations.create({ ...all, maxCount: 2 });
    await pass(desk, 16_000, 100);
    expect(await desk.operations.find(id)).toMatchObject({
      state: 'completed',
      counts: { selected: 2, done: 2 },
    });
    expect(desk.sent.map(({ message }) => message.id)).toEqual(['m-1', 'm-2']);
  });

  it('waits until the last letters are handled, and no longer than 15 s', async () => {
    const desk = await deskWith(2);
    const { id } = await desk.operations.create(all);
    await pass(desk, 10_000, 100);
    expect(await desk.operations.find(id)).toMatchObject({
      state: 'running',
      counts: { done: 2, checked: 0 },
    });
    await pass(desk, 6_000, 100);
    expect(await desk.operations.find(id)).toMatchObject({ state: 'completed', counts: { checked: 0 } });
  });

  it('ends when too many of a sample have failed again', async () => {
    const desk: Desk = setUp(async ({ id }) => {
      await desk.service.park({ ...deadLetter(0, desk.clock.now()), messageId: id });
      return { kind: 'accepted' };
    });
    const { operations, sent } = await deskWith(200, desk);
    const { id } = await operations.create({ ...all, ratePerSecond: 20 });
    await pass(desk, 10_000);
    expect(await operations.find(id)).toMatchObject({ state: 'aborted', errorCode: 'FAILED_AGAIN' });
    expect(sent.length).toBeLessThan(100);
  });

  it('ends when the transport refuses ten in a row, and records how far it came', async () => {
    const desk = await deskWith(
      30,
      setUp(() => failure('refused')),
    );
    const { id } = await desk.operations.create(all);
    await pass(desk, 3_000);
    expect(await desk.operations.find(id)).toMatchObject({
      state: 'aborted',
      errorCode: 'PUBLISH_REFUSED',
      counts: { succeeded: 0 },
    });
    expect(desk.audit().at(-1)).toMatchObject({
      action: 'replay-operation',
      outcome: 'failed',
      errorCode: 'PUBLISH_REFUSED',
    });
  });

  it('waits while the transport is not available, and continues', async () => {
    let isDown = true;
    const desk = await deskWith(
      20,
      setUp(() => (isDown ? failure('unavailable') : { kind: 'accepted' })),
    );
    const { id } = await desk.operations.create({ ...all, ratePerSecond: 500 });
    await pass(desk, 5_000);
    expect(await desk.operations.find(id)).toMatchObject({
      state: 'running',
      errorCode: 'PUBLISH_UNAVAILABLE',
      counts: { done: 0 },
    });
    isDown = false;
    await pass(desk, 30_000, 100);
    expect(await desk.operations.find(id)).toMatchObject({
      state: 'completed',
      counts: { succeeded: 20, failed: 0 },
    });
  });

  it('reports what has changed, is gone or cannot be replayed, letter by letter', async () => {
    const desk = await deskWith(0);
    const ids = [await desk.park(1), await desk.park(2), await desk.park(3)];
    await desk.clock.advance(1);
    await desk.service.archive(ids[1]!, by);
    await desk.service.discard(ids[2]!, { ...by, force: true });
    const selection = { ids: [...ids, 'never-there'] };
    const plan = await desk.operations.plan({ kind: 'archive', selection, ...by });
    expect(plan.impossible).toEqual(
      expect.arrayContaining([
        { code: 'IS_ARCHIVED', count: 1 },
        { code: 'GONE', count: 2 },
      ]),
    );
    const { id } = await desk.operations.create({ kind: 'archive', selection, ...by });
    await pass(desk, 1_500);
    const { items } = await desk.operations.items(id);
    expect(Object.fromEntries(items.map((item) => [item.id, item.code ?? item.result]))).toEqual({
      [ids[0]!]: 'succeeded',
      [ids[1]!]: 'IS_ARCHIVED',
      [ids[2]!]: 'GONE',
      'never-there': 'GONE',
    });
  });
});

describe('orders', () => {
  it('pause, resume and cancel it', async () => {
    const desk = await deskWith(100);
    const { operations, sent } = desk;
    const { id, tag } = await operations.create({ ...all, ratePerSecond: 10 });
    await pass(desk, 1_000);
    await operations.change(id, { state: 'paused', ...by });
    await pass(desk, 2_500);
    const before = sent.length;
    await pass(desk, 3_000);
    expect(sent).toHaveLength(before);
    await expect(operations.change(id, { state: 'running', ifTag: tag, ...by })).rejects.toMatchObject({
      code: 'REVISION_CHANGED',
    });
    await operations.change(id, { state: 'running', ...by });
    await pass(desk, 3_000);
    expect(sent.length).toBeGreaterThan(before);
    await operations.change(id, { state: 'cancelled', ...by });
    await pass(desk, 2_500);
    const ended = await operations.find(id);
    expect(ended).toMatchObject({ state: 'cancelled', counts: { done: sent.length } });
    await expect(operations.change(id, { state: 'running', ...by })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });
});

describe('a new operation', () => {
  it('is refused while another may take the same letters, or when another number matches', async () => {
    const desk = await deskWith(3);
    const { operations } = desk;
    await expect(operations.create({ ...all, expectedCount: 2 })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('3 dead letters match'),
    });
    const selection = { filter: { topic: 'orders.placed' } };
    const { id } = await operations.create({ ...all, selection, expectedCount: 3, ratePerSecond: 0.1 });
    await expect(operations.create({ ...all, kind: 'archive' })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(id),
    });
    expect(await operations.create({ ...all, selection: { filter: { topic: 'other' } } })).toMatchObject({
      kind: 'replay',
    });
  });

  it('is made once for one key of a request', async () => {
    const desk = await deskWith(3);
    const request = { ...all, idempotencyKey: 'k' };
    const [one, two] = [await desk.operations.create(request), await desk.operations.create(request)];
    expect(two.id).toBe(one.id);
    await expect(desk.operations.create({ ...request, kind: 'archive' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });

  it.each([
    [{ selection: { ids: [] } }],
    [{ maxCount: 0 }],
    [{ ratePerSecond: 1_000 }],
    [{ abortRatio: -1 }],
    [{ selection: { filter: { status: 'resolved' } } }],
  ] as const)('is refused with %j', async (wrong) => {
    const { operations } = await deskWith(1);
    await expect(operations.create({ ...all, ...wrong })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  it('needs a record in the audit log', async () => {
    const desk = await deskWith(
      2,
      setUp(undefined, () => Promise.reject(new Error('full'))),
    );
    await expect(desk.operations.create(all)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await pass(desk, 1_000);
    expect(desk.sent).toEqual([]);
    expect(await desk.operations.list()).toEqual([]);
  });
});

describe('a process that ends', () => {
  it('leaves the rest to another, which sends none of it twice', async () => {
    const desk = await deskWith(100);
    const { id } = await desk.operations.create({ ...all, ratePerSecond: 50 });
    await pass(desk, 1_000);
    await desk.operations.onModuleDestroy();
    const before = desk.sent.length;
    expect(before).toBeLessThan(100);
    const other = desk.operationsOf();
    await other.start();
    await pass(desk, 3_000);
    await pass(desk, 16_000, 100);
    expect(await other.find(id)).toMatchObject({
      state: 'completed',
      counts: { selected: 100, succeeded: 100 },
    });
    expect(new Set(desk.sent.map(({ message }) => message.id)).size).toBe(100);
    expect(desk.sent).toHaveLength(100);
  });

  it('has counted what it has noted, and no more, when it dies between the two notes', async () => {
    const desk = await deskWith(20);
    const { id } = await desk.operations.create({ ...all, ratePerSecond: 5 });
    const put = desk.control.put.bind(desk.control);
    await pass(desk, 1_500);
    const put$ = jest.spyOn(desk.control, 'put');
    // The results of the last second are lost, and the counts with them are not.
    put$.mockImplementation((key, value, options) =>
      key.startsWith('operation-results/')
        ? Promise.reject(Object.assign(new Error('dead'), { code: 'STORE_UNAVAILABLE' }))
        : put(key, value, options),
    );
    await pass(desk, 1_500);
    await desk.operations.onModuleDestroy();
    put$.mockRestore();
    const other = desk.operationsOf();
    await other.start();
    await pass(desk, 12_000, 100);
    await pass(desk, 16_000, 100);
    expect(await other.find(id)).toMatchObject({ state: 'completed', counts: { done: 20, succeeded: 20 } });
    expect(desk.sent).toHaveLength(20);
  });

  it('is one that dies: what it has done without a note is not done again', async () => {
    const desk = await deskWith(100);
    const { id } = await desk.operations.create({ ...all, ratePerSecond: 50 });
    await pass(desk, 1_500);
    // Nothing reaches the store from here on: neither progress nor the renewal of its lease.
    const put = jest
      .spyOn(desk.control, 'put')
      .mockRejectedValue(Object.assign(new Error('dead'), { code: 'STORE_UNAVAILABLE' }));
    await pass(desk, 500);
    put.mockRestore();
    const dead = desk.operations;
    jest.spyOn(desk.control, 'put');
    await dead.onModuleDestroy();
    const other = desk.operationsOf();
    await other.start();
    await pass(desk, 12_000, 100);
    await pass(desk, 20_000, 100);
    expect(await other.find(id)).toMatchObject({ state: 'completed', counts: { done: 100 } });
    expect(desk.sent).toHaveLength(100);
  });
});
