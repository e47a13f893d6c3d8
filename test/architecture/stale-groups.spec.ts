interface Outcome {
  /** In the order in which they were run. */
  readonly ran: readonly string[];
  readonly left: readonly string[];
  readonly counts: readonly { readonly name: string; readonly failed: number }[];
}

/** Minutes that have gone by, the groups with the seconds of their last run, and how a run of one goes. */
interface Given {
  readonly minutes?: number;
  readonly groups: Readonly<Record<string, number | undefined>>;
  readonly takesMinutes?: number;
  readonly ended?: readonly string[];
  readonly failing?: readonly string[];
}

interface Group {
  readonly name: string;
  readonly last: { readonly seconds: number; readonly commit: string } | undefined;
}

const { runStale } = jest.requireActual<{
  readonly runStale: (
    groups: readonly Group[],
    how: { readonly elapsedMs: () => number; readonly runOne: (group: Group) => Promise<object | undefined> },
  ) => Promise<Pick<Outcome, 'left' | 'counts'>>;
}>('../../scripts/stale-groups.mjs');

async function outcomeOf(given: Given): Promise<Outcome> {
  const ran: string[] = [];
  let minutes = given.minutes ?? 0;
  const groups = Object.entries(given.groups).map(([name, seconds]) => ({
    name,
    last: seconds === undefined ? undefined : { seconds, commit: 'abc' },
  }));
  const outcome = await runStale(groups, {
    elapsedMs: () => minutes * 60_000,
    runOne: async ({ name }) => {
      ran.push(name);
      minutes += given.takesMinutes ?? 0;
      if (given.ended?.includes(name)) return undefined;
      return { passed: 1, failed: given.failing?.includes(name) ? 1 : 0, skipped: 0 };
    },
  });
  return { ran, ...outcome };
}

describe('stale groups', () => {
  it('are run from the cheapest on', async () => {
    const { ran, left } = await outcomeOf({
      groups: { slow: 300, quick: 5, unknown: undefined, middle: 60 },
    });
    expect(ran).toEqual(['quick', 'middle', 'slow', 'unknown']);
    expect(left).toEqual([]);
  });

  it('begin only when twice their time fits before minute 40', async () => {
    const { ran, left } = await outcomeOf({ minutes: 30, groups: { fits: 300, tight: 301 } });
    expect(ran).toEqual(['fits']);
    expect(left).toEqual(['stale: tight (since abc)']);
  });

  it('count as 20 minutes without a recorded time', async () => {
    expect((await outcomeOf({ minutes: 20, groups: { new: undefined } })).ran).toEqual(['new']);
    const { ran, left } = await outcomeOf({ minutes: 20.1, groups: { new: undefined } });
    expect(ran).toEqual([]);
    expect(left).toEqual(['stale: new (never run)']);
  });

  it('are left over once those before have taken the time', async () => {
    const { ran, left } = await outcomeOf({ groups: { a: 1, b: 2, c: 3 }, takesMinutes: 25 });
    expect(ran).toEqual(['a', 'b']);
    expect(left).toEqual(['stale: c (since abc)']);
  });

  it('stay stale when they had to be ended, and count when they failed', async () => {
    const { left, counts } = await outcomeOf({ groups: { a: 1, b: 2 }, ended: ['a'], failing: ['b'] });
    expect(left).toEqual(['stale: a (since abc)']);
    expect(counts).toMatchObject([{ name: 'b', failed: 1 }]);
  });
});
