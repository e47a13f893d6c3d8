import { ControlLease } from '../../src/core/messaging/control/control-lease.js';
import { ControlWatch } from '../../src/core/messaging/control/control-watch.js';
import {
  CONTROL_LIMITS,
  type ControlChange,
  type ControlEntry,
  type ControlStore,
} from '../../src/core/messaging/ports/control-store.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { describeStore, type StoreCase, type StoreOptions } from './store-suite.js';

const TTL_MS = 400;
/** Far beyond a test. */
const LONG_MS = 3_600_000;

/** What every control store owes its callers, as tests. */
export function describeControlStore(name: string, options: StoreOptions<ControlStore>): void {
  const topics = { writing, listing, expiring, following, leasing, keeping };
  describeStore(`${name} as a control store`, topics, options);
}

const writing: readonly StoreCase<ControlStore>[] = [
  {
    title: 'what was put is there, with its revision, until it is removed',
    run: async ({ store }) => {
      expect(await store.get('a')).toBeUndefined();
      const entry = await put(store, 'a', 'one');
      expect(await store.get('a')).toEqual(entry);
      expect(entry).toEqual({ key: 'a', value: 'one', revision: expect.any(Number) as number });
      expect(await store.delete('a')).toBe(true);
      expect(await store.delete('a')).toBe(false);
      expect(await store.get('a')).toBeUndefined();
    },
  },
  {
    title: 'a write over another revision is a conflict that shows what is there',
    run: async ({ store }) => {
      expect(await store.put('a', 'x', { ifRevision: 7 })).toEqual({ kind: 'conflict', entry: undefined });
      const first = await put(store, 'a', 'one', { ifRevision: 0 });
      expect(await store.put('a', 'x', { ifRevision: 0 })).toEqual({ kind: 'conflict', entry: first });
      const second = await put(store, 'a', 'two', { ifRevision: first.revision });
      expect(second.revision).toBeGreaterThan(first.revision);
      const late = await store.put('a', 'x', { ifRevision: first.revision });
      expect(late).toEqual({ kind: 'conflict', entry: second });
      expect(await store.delete('a', { ifRevision: first.revision })).toBe(false);
      expect(await store.get('a')).toEqual(second);
      expect(await store.delete('a', { ifRevision: second.revision })).toBe(true);
    },
  },
  {
    title: 'exactly one of concurrent writes over one revision happens',
    run: async ({ store }) => {
      for (const before of [0, undefined]) {
        const ifRevision = before ?? (await store.get('a'))?.revision ?? -1;
        const writes = Array.from({ length: 20 }, (_, nth) => store.put('a', String(nth), { ifRevision }));
        const written = (await Promise.all(writes)).filter(({ kind }) => kind === 'written');
        expect(written).toHaveLength(1);
        expect(await store.get('a')).toEqual(written[0]?.entry);
      }
    },
  },
  {
    title: 'no revision is given twice, also not after a removal',
    run: async ({ store }) => {
      const seen: number[] = [];
      for (let nth = 0; nth < 5; nth++) {
        for (const key of ['a', 'b']) seen.push((await put(store, key, 'x')).revision);
        await store.delete('a');
      }
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    },
  },
  {
    title: 'values come back as they were, up to their limit',
    run: async ({ store }) => {
      const values = ['', '{"a":1}', 'line\nbreak \u0000 ü€😀', 'x'.repeat(CONTROL_LIMITS.valueBytes)];
      for (const value of values) {
        await put(store, 'a', value);
        expect((await store.get('a'))?.value).toBe(value);
      }
    },
  },
  {
    title: 'keys, values and times beyond the limits are refused',
    run: async ({ store }) => {
      const tooLong = 'ü'.repeat(CONTROL_LIMITS.valueBytes / 2 + 1);
      const wrong: (() => Promise<unknown>)[] = [
        ...['', 'a b', 'ü', 'a\n', 'x'.repeat(CONTROL_LIMITS.keyBytes + 1)].flatMap((key) => [
          () => store.put(key, 'x'),
          () => store.get(key),
          () => store.delete(key),
        ]),
        () => store.put('a', tooLong),
        ...[0, -1, 1.5, NaN, Infinity, CONTROL_LIMITS.ttlMs + 1].map(
          (ttlMs) => () => store.put('a', 'x', { ttlMs }),
        ),
        ...[-1, 0.5, NaN].map((ifRevision) => () => store.put('a', 'x', { ifRevision })),
        ...[0, CONTROL_LIMITS.page + 1, NaN].map((limit) => () => store.list('', { limit })),
      ];
      for (const attempt of wrong) await expect(attempt()).rejects.toMatchObject({ code: 'OPTION_INVALID' });
      expect(await store.list('', { limit: 10 })).toEqual({ entries: [] });
    },
  },
];

const listing: readonly StoreCase<ControlStore>[] = [
  {
    title: 'lists what starts with a prefix, in the order of the keys, page by page',
    run: async ({ store }) => {
      const keys = ['a/1', 'a/10', 'a/2', 'a/B', 'a/b', 'a0', 'b/1', 'A/1'];
      for (const key of keys) await put(store, key, `of ${key}`);
      const wanted = ['a/1', 'a/10', 'a/2', 'a/B', 'a/b'];
      for (const limit of [1, 2, 5, 6]) {
        const found: ControlEntry[] = [];
        let after: string | undefined;
        do {
          const page = await store.list('a/', { limit, ...(after !== undefined && { after }) });
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          found.push(...page.entries);
          after = page.after;
        } while (after !== undefined);
        expect(found.map(({ key }) => key)).toEqual(wanted);
        expect(found.map(({ value }) => value)).toEqual(wanted.map((key) => `of ${key}`));
      }
      expect((await store.list('', { limit: 500 })).entries).toHaveLength(keys.length);
      expect(await store.list('c', { limit: 5 })).toEqual({ entries: [] });
    },
  },
];

const expiring: readonly StoreCase<ControlStore>[] = [
  {
    title: 'an entry is removed after its time, not before, which is a change',
    run: async ({ store, pass }) => {
      await put(store, 'stays', 'x');
      const { revision, expiresInMs = 0 } = await put(store, 'a', 'x', { ttlMs: TTL_MS });
      expect(expiresInMs).toBeGreaterThan(TTL_MS - 100);
      expect(expiresInMs).toBeLessThanOrEqual(TTL_MS);
      await pass(TTL_MS / 2);
      expect((await store.get('a'))?.expiresInMs).toBeLessThanOrEqual(TTL_MS / 2);
      await pass(TTL_MS / 2 + 1);
      expect(await store.get('a')).toBeUndefined();
      expect((await store.list('', { limit: 5 })).entries.map(({ key }) => key)).toEqual(['stays']);
      expect(await changesOf(store, revision)).toEqual([{ key: 'a' }]);
      await put(store, 'a', 'again', { ifRevision: 0 });
    },
  },
  {
    title: 'a later write decides how long an entry stays',
    run: async ({ store, pass }) => {
      for (const key of ['longer', 'forever', 'shorter']) await put(store, key, 'x', { ttlMs: TTL_MS });
      await put(store, 'longer', 'y', { ttlMs: LONG_MS });
      await put(store, 'forever', 'y');
      await put(store, 'shorter', 'y', { ttlMs: 100 });
      await pass(101);
      expect(await store.get('shorter')).toBeUndefined();
      await pass(TTL_MS);
      expect((await store.get('longer'))?.value).toBe('y');
      expect(await store.get('forever')).not.toHaveProperty('expiresInMs');
    },
  },
  ...[LONG_MS, -LONG_MS].map((aheadMs): StoreCase<ControlStore> => ({
    title: `a clock that is set by ${aheadMs} ms ends no entry early or late, and no revision is lower`,
    run: async ({ store, pass, clock }) => {
      const before = await put(store, 'long', 'x', { ttlMs: LONG_MS / 2 });
      await put(store, 'short', 'x', { ttlMs: TTL_MS });
      clock.set(aheadMs);
      expect((await store.get('short'))?.value).toBe('x');
      const after = await put(store, 'b', 'x');
      expect(after.revision).toBeGreaterThan(before.revision);
      await pass(TTL_MS + 1);
      expect((await store.get('long'))?.value).toBe('x');
      expect(await store.get('short')).toBeUndefined();
    },
  })),
];

const following: readonly StoreCase<ControlStore>[] = [
  {
    title: 'lists what has changed since a revision, oldest first, each key once',
    run: async ({ store }) => {
      await put(store, 'a', '1');
      const { revision } = await put(store, 'b', '1');
      expect(await changesOf(store, revision)).toEqual([]);
      await put(store, 'c', '1');
      const a = await put(store, 'a', '2');
      await store.delete('b');
      const c = await put(store, 'c', '2');
      await put(store, 'other', '1');
      const changes = await changesOf(store, revision, ['a', 'b', 'c']);
      expect(changes).toEqual([{ key: 'a', entry: a }, { key: 'b' }, { key: 'c', entry: c }]);
      expect(await changesOf(store, revision, ['none'])).toEqual([]);
    },
  },
  {
    title: 'more changes than one answer holds are all listed',
    run: async ({ store }) => {
      const { revision } = await put(store, 'first', 'x');
      const keys = Array.from({ length: CONTROL_LIMITS.page + 7 }, (_, nth) => `k/${nth}`);
      for (const key of keys) await put(store, key, 'x');
      for (const key of keys.slice(0, 100)) await store.delete(key);
      const latest = new Map((await changesOf(store, revision)).map(({ key, entry }) => [key, entry]));
      expect(latest.size).toBe(keys.length);
      expect(keys.filter((key) => latest.get(key) === undefined)).toEqual(keys.slice(0, 100));
    },
  },
  {
    title: 'a revision that the store does not know asks for everything again',
    run: async ({ store }) => {
      const { revision } = await put(store, 'a', 'x');
      expect(await store.changes('', revision + 1_000)).toEqual({ kind: 'reset', revision });
      for (let nth = 0; nth <= CONTROL_LIMITS.removed; nth += 1) {
        await put(store, `k${nth}`, 'x');
        await store.delete(`k${nth}`);
      }
      expect((await store.changes('', revision)).kind).toBe('reset');
    },
  },
  {
    title: 'a watch sees what is there, every change of another caller, and what has expired',
    run: async ({ store, pass }) => {
      for (const key of ['w/a', 'w/b']) await put(store, key, '1');
      const seen = new Map<string, string | undefined>();
      const watch = watchOf(store, seen);
      await watch.start();
      expect([...seen]).toEqual([
        ['w/a', '1'],
        ['w/b', '1'],
      ]);
      await put(store, 'w/a', '2', { ttlMs: TTL_MS });
      await put(store, 'other', '1');
      await store.delete('w/b');
      await put(store, 'w/c', '1');
      await watch.refresh();
      expect([...seen]).toEqual([
        ['w/a', '2'],
        ['w/b', undefined],
        ['w/c', '1'],
      ]);
      await pass(TTL_MS + 1);
      await watch.refresh();
      expect(seen.get('w/a')).toBeUndefined();
      await put(store, 'w/c', '2');
      if (store.isLocal === true) await watch.refresh(); // its only writer knows when it has written
      await waitUntil('the watch asks by itself', async () => seen.get('w/c') === '2', 5_000);
      watch.stop();
    },
  },
];

const leasing: readonly StoreCase<ControlStore>[] = [
  {
    title: 'one of many gets a lease, and the others learn when it ends',
    run: async ({ store }) => {
      const tries = Array.from({ length: 10 }, () => ControlLease.acquire(store, 'job', LONG_MS));
      const held = (await Promise.all(tries)).filter((one) => one instanceof ControlLease);
      expect(held).toHaveLength(1);
      const busy = await ControlLease.acquire(store, 'job', LONG_MS);
      const { retryAfterMs } = busy as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(LONG_MS - 60_000);
      await held[0]?.release();
      expect(await ControlLease.acquire(store, 'job', LONG_MS)).toBeInstanceOf(ControlLease);
    },
  },
  {
    title: 'a lease that is renewed lasts; one that is not is lost, and the next has a larger fence',
    run: async ({ store, pass }) => {
      const first = await lease(store, TTL_MS);
      for (let nth = 0; nth < 3; nth++) {
        await pass(TTL_MS / 2);
        expect(await first.renew()).toBe(true);
      }
      expect(await ControlLease.acquire(store, 'job', TTL_MS)).not.toBeInstanceOf(ControlLease);
      await pass(TTL_MS + 1);
      const second = await lease(store, LONG_MS);
      expect(second.fence).toBeGreaterThan(first.fence);
      expect(await first.renew()).toBe(false);
      await first.release();
      expect(await second.renew()).toBe(true);
    },
  },
  {
    title: 'a renewal whose reply was lost is no lost lease',
    run: async ({ store }) => {
      let isLosing = false;
      const lossy: ControlStore = Object.create(store, {
        put: {
          value: async (...args: Parameters<ControlStore['put']>) => {
            const written = await store.put(...args);
            if (isLosing) throw new Error('lost');
            return written;
          },
        },
        delete: { value: store.delete.bind(store) },
        get: { value: store.get.bind(store) },
      }) as ControlStore;
      const held = await lease(lossy, LONG_MS);
      isLosing = true;
      await expect(held.renew()).rejects.toThrow('lost');
      isLosing = false;
      expect(await held.renew()).toBe(true);
      isLosing = true;
      await expect(held.renew()).rejects.toThrow('lost');
      await held.release();
      expect(await ControlLease.acquire(store, 'job', LONG_MS)).toBeInstanceOf(ControlLease);
    },
  },
];

const keeping: readonly StoreCase<ControlStore>[] = [
  {
    title: 'entries, revisions and times to live outlast a restart',
    needs: 'reopen',
    run: async (bench) => {
      const kept = await put(bench.store, 'kept', 'x');
      await put(bench.store, 'short', 'x', { ttlMs: TTL_MS });
      await put(bench.store, 'long', 'x', { ttlMs: LONG_MS });
      const last = await put(bench.store, 'gone', 'x');
      await bench.store.delete('gone');
      const store = await bench.reopen();
      expect(await store.get('kept')).toEqual(kept);
      expect(await store.get('gone')).toBeUndefined();
      expect((await put(store, 'new', 'x')).revision).toBeGreaterThan(last.revision + 1);
      expect((await store.get('long'))?.expiresInMs).toBeGreaterThan(LONG_MS - 60_000);
      await bench.pass(TTL_MS + 1);
      expect(await store.get('short')).toBeUndefined();
      const again = await bench.reopen();
      expect((await again.list('', { limit: 9 })).entries.map(({ key }) => key)).toEqual([
        'kept',
        'long',
        'new',
      ]);
    },
  },
];

/** Puts what must not meet a conflict. */
async function put(
  store: ControlStore,
  key: string,
  value: string,
  options: Parameters<ControlStore['put']>[2] = {},
): Promise<ControlEntry> {
  const written = await store.put(key, value, options);
  if (written.kind !== 'written') throw new Error(`${key} is a conflict.`);
  return written.entry;
}

/** All changes since a revision, of these keys, as often as it takes. */
async function changesOf(
  store: ControlStore,
  revision: number,
  keys?: readonly string[],
): Promise<ControlChange[]> {
  const all: ControlChange[] = [];
  for (let since = revision; ;) {
    const answer = await store.changes('', since);
    if (answer.kind === 'reset') throw new Error('It does not know all changes.');
    all.push(...answer.changes);
    if (answer.revision === since) break;
    since = answer.revision;
  }
  return keys ? all.filter(({ key }) => keys.includes(key)) : all;
}

function watchOf(store: ControlStore, seen: Map<string, string | undefined>): ControlWatch {
  return new ControlWatch(store, 'w/', systemClock, {
    changed: (key, entry) => void seen.set(key, entry?.value),
    failed: (error) => void seen.set('failed', String(error)),
    recovered: () => undefined,
  });
}

async function lease(store: ControlStore, ttlMs: number): Promise<ControlLease> {
  const acquired = await ControlLease.acquire(store, 'job', ttlMs);
  if (!(acquired instanceof ControlLease)) throw new Error('The lease is taken.');
  return acquired;
}
