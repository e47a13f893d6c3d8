import { ManualClock } from '../../src/exports/testing.js';
import { JumpingClock } from '../../src/testing/conformance/jumping-clock.js';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { sleep } from '../../src/testing/conformance/bench.js';

/** What every store can do besides its own business. */
interface Connectable {
  connect(): Promise<void>;
  close(): Promise<void>;
}

/** What a store brings to its suite. */
export interface StoreOptions<TStore> {
  /** A new, empty store that goes by this clock. The suite connects it. */
  readonly create: (clock: Clock) => Promise<TStore>;
  /** Closes the store and makes another on the same storage, as after a restart. The suite connects it. */
  readonly reopen?: (store: TStore, clock: Clock) => Promise<TStore>;
  /** The store keeps time by itself, for example because a server does: the suite waits instead of turning the clock. */
  readonly keepsOwnTime?: boolean;
  /** Cases that this store cannot pass, and why. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

/** What a case gets. */
interface StoreBench<TStore> {
  readonly store: TStore;
  /** Of the machine that the store is used on. */
  readonly clock: JumpingClock;
  /** Replaces the store by one opened on the same storage. */
  readonly reopen: () => Promise<TStore>;
  /** Lets so much time go by for the store, and hardly more. */
  readonly pass: (ms: number) => Promise<void>;
}

export interface StoreCase<TStore> {
  readonly title: string;
  readonly needs?: 'reopen';
  readonly run: (bench: StoreBench<TStore>) => Promise<void>;
}

const CASE_TIMEOUT_MS = 60_000;

/** One test a case. A case that is skipped says why in its title; a skip that names no case fails. */
export function describeStore<TStore extends Connectable>(
  name: string,
  topics: Readonly<Record<string, readonly StoreCase<TStore>[]>>,
  options: StoreOptions<TStore>,
): void {
  describe(name, () => {
    const skips = new Map(
      options.skip?.flatMap(({ reason, tests }) => tests.map((title) => [title, reason] as const)),
    );
    const titles = Object.values(topics).flatMap((cases) => cases.map(({ title }) => title));
    it('skips only what exists, with a reason', () => {
      expect([...skips.keys()].filter((title) => !titles.includes(title))).toEqual([]);
      expect([...skips].filter(([, reason]) => reason.trim() === '')).toEqual([]);
      expect(new Set(titles).size).toBe(titles.length);
    });
    describe.each(Object.entries(topics))('%s', (_, cases) => {
      for (const one of cases) {
        const reason = skips.get(one.title) ?? missing(one, options);
        if (reason === undefined) it(one.title, () => runCase(one, options), CASE_TIMEOUT_MS);
        else it.skip(`${one.title} (skipped: ${reason})`, () => undefined);
      }
    });
  });
}

function missing<T>({ needs }: StoreCase<T>, options: StoreOptions<T>): string | undefined {
  return needs !== undefined && options[needs] === undefined
    ? 'it stores data in the process only'
    : undefined;
}

async function runCase<TStore extends Connectable>(
  one: StoreCase<TStore>,
  options: StoreOptions<TStore>,
): Promise<void> {
  const time = new ManualClock();
  const clock = new JumpingClock(time);
  let store = await options.create(clock);
  const bench: StoreBench<TStore> = {
    get store() {
      return store;
    },
    clock,
    reopen: async () => {
      store = (await options.reopen?.(store, clock)) ?? store;
      await store.connect();
      return store;
    },
    pass: async (ms) => {
      await time.advance(ms);
      if (options.keepsOwnTime === true) await sleep(ms);
    },
  };
  try {
    await store.connect();
    await one.run(bench);
  } finally {
    await store.close();
  }
}
