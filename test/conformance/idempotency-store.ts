import type { IdempotencyClaim, IdempotencyStore } from '../../src/core/messaging/ports/idempotency-store.js';
import { describeStore, type StoreCase, type StoreOptions } from './store-suite.js';

const LEASE_MS = 400;
const WINDOW_MS = 800;
/** Far beyond a test. */
const LONG_MS = 3_600_000;

/** What every idempotency store owes its callers, as tests. */
export function describeIdempotencyStore(name: string, options: StoreOptions<IdempotencyStore>): void {
  describeStore(`${name} as an idempotency store`, { claiming, fencing, keeping }, options);
}

const claiming: readonly StoreCase<IdempotencyStore>[] = [
  {
    title: 'the first claim is fresh and the next one busy until the lease ends',
    run: async ({ store, pass }) => {
      await fresh(store, 'k', LONG_MS);
      const busy = await store.begin('k', LONG_MS);
      if (busy.kind !== 'busy') throw new Error(`The claim is ${busy.kind}.`);
      expect(busy.retryAfterMs).toBeGreaterThan(LONG_MS - 60_000);
      expect(busy.retryAfterMs).toBeLessThanOrEqual(LONG_MS);
      await pass(100);
      const later = await store.begin('k', LONG_MS);
      expect(later.kind === 'busy' && later.retryAfterMs).toBeLessThanOrEqual(LONG_MS - 100);
    },
  },
  {
    title: 'what was completed is done',
    run: async ({ store }) => {
      await store.complete('k', await fresh(store, 'k'), LONG_MS);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
    },
  },
  {
    title: 'what is looked for is found as it is, and not claimed',
    run: async ({ store, pass }) => {
      if (!store.find) throw new Error('It has no find.');
      expect(await store.find('k')).toBeUndefined();
      const token = await fresh(store, 'k', LONG_MS);
      expect(await store.find('k')).toBe('busy');
      await store.complete('k', token, WINDOW_MS);
      expect(await store.find('k')).toBe('done');
      await pass(WINDOW_MS + 1);
      expect(await store.find('k')).toBeUndefined();
      await store.release('k', await fresh(store, 'k', LONG_MS));
      expect(await store.find('k')).toBeUndefined();
    },
  },
  {
    title: 'what was released is fresh again',
    run: async ({ store }) => {
      await store.release('k', await fresh(store, 'k', LONG_MS));
      await fresh(store, 'k');
    },
  },
  {
    title: 'a lease that ran out makes the key claimable again, with another token',
    run: async ({ store, pass }) => {
      await others(store);
      const first = await fresh(store, 'k', LEASE_MS);
      await pass(LEASE_MS + 1);
      expect(await fresh(store, 'k', LONG_MS)).not.toBe(first);
      expect((await store.begin('k', LEASE_MS)).kind).toBe('busy');
    },
  },
  {
    title: 'what is done is forgotten after its window, not before',
    run: async ({ store, pass }) => {
      await others(store);
      await store.complete('k', await fresh(store, 'k'), WINDOW_MS);
      await pass(WINDOW_MS / 2);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
      await pass(WINDOW_MS / 2 + 1);
      await store.complete('k', await fresh(store, 'k'), LONG_MS);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
    },
  },
  ...[LONG_MS, -LONG_MS].map((aheadMs): StoreCase<IdempotencyStore> => ({
    title: `a clock that is set by ${aheadMs} ms ends neither a lease nor a window`,
    run: async ({ store, pass, clock }) => {
      await store.complete('done', await fresh(store, 'done'), LONG_MS / 2);
      await fresh(store, 'claimed', LONG_MS / 2);
      clock.set(aheadMs);
      await pass(WINDOW_MS);
      expect(await store.begin('done', LEASE_MS)).toEqual({ kind: 'done' });
      expect(await store.begin('claimed', LEASE_MS)).toMatchObject({ kind: 'busy' });
      await store.complete('later', await fresh(store, 'later'), WINDOW_MS);
      await pass(WINDOW_MS + 1);
      await fresh(store, 'later');
    },
  })),
  {
    title: 'the window outlasts the lease',
    run: async ({ store, pass }) => {
      await store.complete('k', await fresh(store, 'k', LEASE_MS), LONG_MS);
      await pass(LEASE_MS + 1);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
    },
  },
  {
    title: 'keys are distinguished, however long or strange they are',
    run: async ({ store }) => {
      const long = 'x'.repeat(3_000);
      const keys = ['a', 'A', 'a ', '', '["t","g","s","m"]', '“ü” \u0000', long, `${long}y`];
      for (const key of keys) await store.complete(key, await fresh(store, key), LONG_MS);
      for (const key of keys) expect(await store.begin(key, LEASE_MS)).toEqual({ kind: 'done' });
      await fresh(store, `${long}z`);
    },
  },
  {
    title: 'exactly one of concurrent claims is fresh',
    run: async ({ store, pass }) => {
      const race = async (): Promise<string[]> => {
        const claims = await Promise.all(Array.from({ length: 20 }, () => store.begin('k', LEASE_MS)));
        return kinds(claims).filter((kind) => kind !== 'busy');
      };
      expect(await race()).toEqual(['fresh']);
      await pass(LEASE_MS + 1);
      expect(await race()).toEqual(['fresh']);
    },
  },
];

const fencing: readonly StoreCase<IdempotencyStore>[] = [
  {
    title: 'a lost claim can neither complete nor release',
    run: async ({ store, pass }) => {
      const lost = await fresh(store, 'k', LEASE_MS);
      await pass(LEASE_MS + 1);
      const held = await fresh(store, 'k', LONG_MS);
      await store.complete('k', lost, LONG_MS);
      expect((await store.begin('k', LEASE_MS)).kind).toBe('busy');
      await store.release('k', lost);
      expect((await store.begin('k', LEASE_MS)).kind).toBe('busy');
      await store.complete('k', held, LONG_MS);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
    },
  },
  {
    title: 'what is done stays done whichever process releases or completes it again',
    run: async ({ store, pass }) => {
      const token = await fresh(store, 'k');
      await store.complete('k', token, WINDOW_MS);
      await store.release('k', token);
      expect(await store.begin('k', LEASE_MS)).toEqual({ kind: 'done' });
      await store.complete('k', token, LONG_MS);
      await pass(WINDOW_MS + 1);
      await fresh(store, 'k');
    },
  },
  {
    title: 'another holder can neither complete nor release, and nothing that was never claimed becomes done',
    run: async ({ store }) => {
      await fresh(store, 'k', LONG_MS);
      for (const stranger of ['', 'stranger', 'undefined']) {
        await store.complete('k', stranger, LONG_MS);
        await store.release('k', stranger);
        await store.complete('unclaimed', stranger, LONG_MS);
      }
      expect((await store.begin('k', LEASE_MS)).kind).toBe('busy');
      await fresh(store, 'unclaimed');
    },
  },
  {
    title: 'the token of one key is worth nothing for another',
    run: async ({ store }) => {
      const token = await fresh(store, 'a', LONG_MS);
      await fresh(store, 'b', LONG_MS);
      await store.complete('b', token, LONG_MS);
      await store.release('b', token);
      expect((await store.begin('b', LEASE_MS)).kind).toBe('busy');
    },
  },
];

const keeping: readonly StoreCase<IdempotencyStore>[] = [
  {
    title: 'what is done stays done over a restart, for as long as its window',
    needs: 'reopen',
    run: async (bench) => {
      await bench.store.complete('long', await fresh(bench.store, 'long'), LONG_MS);
      await bench.store.complete('short', await fresh(bench.store, 'short'), WINDOW_MS);
      const store = await bench.reopen();
      expect(await store.begin('long', LEASE_MS)).toEqual({ kind: 'done' });
      await bench.pass(WINDOW_MS + 1);
      await fresh(store, 'short');
      expect(await store.begin('long', LEASE_MS)).toEqual({ kind: 'done' });
    },
  },
  {
    title: 'what a dead process held is claimable once its lease has ended',
    needs: 'reopen',
    run: async (bench) => {
      const lost = await fresh(bench.store, 'k', LEASE_MS);
      const store = await bench.reopen();
      await bench.pass(LEASE_MS + 1);
      await fresh(store, 'k', LONG_MS);
      await store.complete('k', lost, LONG_MS);
      expect((await store.begin('k', LEASE_MS)).kind).toBe('busy');
    },
  },
  {
    title: 'ten thousand keys are remembered',
    run: async ({ store }) => {
      const keys = Array.from({ length: 10_000 }, (_, nth) => `key-${nth}`);
      const inTurn = async <T>(work: (key: string) => Promise<T>): Promise<T[]> => {
        const results: T[] = [];
        // Not all at once, because each call has a deadline, however many are in front of it.
        for (let from = 0; from < keys.length; from += 500)
          results.push(...(await Promise.all(keys.slice(from, from + 500).map(work))));
        return results;
      };
      await inTurn(async (key) => store.complete(key, await fresh(store, key, LONG_MS), LONG_MS));
      const again = await inTurn((key) => store.begin(key, LEASE_MS));
      expect(kinds(again).filter((kind) => kind !== 'done')).toEqual([]);
    },
  },
];

/** Claims of other keys, so that what is looked at is not the first that a sweep of the store meets. */
async function others(store: IdempotencyStore): Promise<void> {
  for (let nth = 0; nth < 20; nth++) await fresh(store, `other-${nth}`, LONG_MS);
}

/** Claims a key that must be free, and returns the token. */
async function fresh(store: IdempotencyStore, key: string, leaseMs = LEASE_MS): Promise<string> {
  const claim = await store.begin(key, leaseMs);
  if (claim.kind !== 'fresh') throw new Error(`${JSON.stringify(key.slice(0, 40))} is ${claim.kind}.`);
  return claim.token;
}

function kinds(claims: readonly IdempotencyClaim[]): string[] {
  return claims.map(({ kind }) => kind);
}
