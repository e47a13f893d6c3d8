import { deadLetter, setUp, by } from '../../../../test/support/dead-letter-desk.js';
import { settle } from '../../../../test/support/hand-clock.js';

type Desk = ReturnType<typeof setUp>;

afterEach(() => jest.restoreAllMocks());

const HOUR_MS = 3_600_000;

async function pass({ clock }: Pick<Desk, 'clock'>, ms: number, stepMs = 100): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    await settle();
  }
}

/** The wall clock of the process jumps; what is monotonic does not. */
function jump({ clock }: Desk, ms: number): void {
  const now = clock.now.bind(clock);
  jest.spyOn(clock, 'now').mockImplementation(() => now() + ms);
}

describe('a wall clock that was set back an hour', () => {
  it('does not make an operation leave out letters that it names', async () => {
    const desk = setUp();
    const ids = [await desk.park(1), await desk.park(2)];
    await desk.clock.advance(1);
    jump(desk, -HOUR_MS);
    const operations = desk.operationsOf();
    await operations.start();
    const { id } = await operations.create({ kind: 'replay', selection: { ids }, ...by });
    await pass(desk, 16_000);
    expect((await operations.find(id)).counts).toMatchObject({ succeeded: 2, skipped: 0 });
    await operations.onModuleDestroy();
  });

  it('in the middle does not make a letter that fails again go out twice', async () => {
    const desk: Desk = setUp(async ({ id }) => {
      await desk.service.park({ ...deadLetter(0, desk.clock.now()), messageId: id });
      return { kind: 'accepted' };
    });
    const ids: string[] = [];
    for (let n = 1; n <= 10; n++) ids.push(await desk.park(n));
    await desk.clock.advance(1);
    const first = desk.operationsOf();
    await first.start();
    const selection = { ids };
    const { id } = await first.create({ kind: 'replay', selection, ratePerSecond: 5, abortRatio: 1, ...by });
    jump(desk, -HOUR_MS);
    await pass(desk, 800);
    // Its notes do not reach the store any more: it has died, and another continues.
    const put = jest
      .spyOn(desk.control, 'put')
      .mockRejectedValue(Object.assign(new Error('dead'), { code: 'STORE_UNAVAILABLE' }));
    await pass(desk, 400);
    const stopped = first.onModuleDestroy();
    await pass(desk, 1_000);
    await stopped;
    put.mockRestore();
    const other = desk.operationsOf();
    await other.start();
    await pass(desk, 40_000);
    expect(await other.find(id)).toMatchObject({ state: 'completed', counts: { done: 10 } });
    expect(desk.sent.map(({ message }) => message.id).sort()).toEqual(ids.map((_, n) => `m-${n + 1}`).sort());
    await other.onModuleDestroy();
  });
});

describe('a store of dead letters that is slow', () => {
  it('does not let two operations take the same letters', async () => {
    const desk = setUp();
    const ids: string[] = [];
    for (let n = 1; n <= 250; n++) ids.push(await desk.park(n));
    await desk.clock.advance(1);
    const find = desk.store.find.bind(desk.store);
    jest.spyOn(desk.store, 'find').mockImplementation(async (id) => {
      await new Promise<void>((resolve) => void desk.clock.schedule(100, resolve));
      return find(id);
    });
    const [one, two] = [desk.operationsOf(), desk.operationsOf()];
    const request = { kind: 'archive', selection: { ids }, ...by } as const;
    const made = [one.create(request)];
    await pass(desk, 21_000);
    made.push(two.create(request));
    const settled = Promise.allSettled(made);
    await pass(desk, 60_000);
    const kinds = (await settled).map(({ status }) => status);
    expect(kinds).toEqual(['fulfilled', 'rejected']);
  });
});
