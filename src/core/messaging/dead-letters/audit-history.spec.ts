import type { MessagingEvent } from '../observing/events.js';
import { systemClock } from '../ports/clock.js';
import { MemoryControlStore } from '../transport-kit/memory-control-store.js';
import { AuditHistory, type AuditFilter } from './audit-history.js';

const DAY_MS = 24 * 3_600_000;

let now: number;
let monotonic: number;
const clock = { ...systemClock, now: () => now, monotonic: () => monotonic };
let store: MemoryControlStore;
let events: MessagingEvent[];

beforeEach(() => {
  now = Date.parse('2026-01-31T12:00:00Z');
  monotonic = 1_000;
  store = new MemoryControlStore({ clock });
  events = [];
});
afterEach(() => jest.restoreAllMocks());

const historyOf = (options?: { maxEntries: number }): AuditHistory =>
  new AuditHistory(store, clock, (event) => void events.push(event), options);

const pass = (ms: number): void => {
  now += ms;
  monotonic += ms;
};

const add = (history: AuditHistory, reason: string, actor = 'ana'): Promise<void> =>
  history.add({ action: 'archive', actor, outcome: 'succeeded', id: 'x', reason });

async function reasonsOf(history: AuditHistory, filter: AuditFilter = {}, limit = 200): Promise<string[]> {
  const found: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await history.list(filter, { limit, ...(after !== undefined && { after }) });
    found.push(...page.items.map(({ reason = '' }) => reason));
    if (page.next === undefined) return found;
    after = page.next;
  }
}

it('lists the newest first, also of one millisecond and over pages', async () => {
  const history = historyOf();
  for (let n = 0; n < 30; n++) {
    await add(history, String(n));
    if (n % 3 === 0) pass(1);
  }
  const expected = Array.from({ length: 30 }, (_, n) => String(29 - n));
  expect(await reasonsOf(history)).toEqual(expected);
  expect(await reasonsOf(history, {}, 7)).toEqual(expected);
});

it('is filtered by actor and by time: inclusive, exclusive', async () => {
  const history = historyOf();
  const began = now;
  for (const actor of ['ana', 'ben', 'ana', 'ben']) {
    await add(history, `${actor} ${now - began}`, actor);
    pass(10);
  }
  expect(await reasonsOf(history, { actor: 'ben' })).toEqual(['ben 30', 'ben 10']);
  expect(await reasonsOf(history, { from: began + 10, to: began + 30 })).toEqual(['ana 20', 'ben 10']);
  expect(await reasonsOf(history, { from: began + 10, to: began + 30 }, 1)).toEqual(['ana 20', 'ben 10']);
  expect(await reasonsOf(history, { actor: 'eve' })).toEqual([]);
});

it('forgets after 30 days', async () => {
  const history = historyOf();
  await add(history, 'old');
  pass(29 * DAY_MS);
  await add(history, 'new');
  expect(await reasonsOf(history)).toEqual(['new', 'old']);
  pass(2 * DAY_MS);
  expect(await reasonsOf(history)).toEqual(['new']);
});

it('keeps about as many as it may, the newest', async () => {
  const history = historyOf({ maxEntries: 100 });
  for (let n = 0; n < 400; n++) {
    await add(history, String(n));
    pass(1);
  }
  const reasons = await reasonsOf(history);
  expect(reasons.length).toBeGreaterThanOrEqual(100);
  expect(reasons.length).toBeLessThan(170);
  expect(reasons.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, n) => String(399 - n)));
});

it('searches a long list in parts that end', async () => {
  const history = historyOf();
  for (let n = 0; n < 2_600; n++) {
    await add(history, String(n), n === 0 ? 'ana' : 'ben');
    pass(1);
  }
  const first = await history.list({ actor: 'ana' }, { limit: 50 });
  expect([first.items, typeof first.next]).toEqual([[], 'string']);
  expect(await reasonsOf(history, { actor: 'ana' })).toEqual(['0']);
});

it('counts and reports what a store did not take, and rejects nothing', async () => {
  const history = historyOf();
  jest.spyOn(store, 'put').mockRejectedValue(new Error('away'));
  await add(history, 'a');
  await add(history, 'b');
  expect(history.missed).toBe(2);
  expect(events).toEqual(Array.from({ length: 2 }, () => ({ type: 'audit-missed', action: 'archive' })));
});

it('waits 2 s for a store that does not answer, and counts the entry once that is certain', async () => {
  const hasty = { ...clock, schedule: (ms: number, run: () => void) => systemClock.schedule(ms / 50, run) };
  const history = new AuditHistory(store, hasty, (event) => void events.push(event));
  jest.spyOn(store, 'put').mockReturnValue(new Promise(() => undefined));
  const began = performance.now();
  await add(history, 'a');
  expect(performance.now() - began).toBeLessThan(200);
  expect(history.missed).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(history.missed).toBe(1);
});

it('passes over what a later version has written', async () => {
  const history = historyOf();
  await add(history, 'a');
  await store.put('audit/0000000000000-x', '{"format":9}');
  await store.put('audit/0000000000001-x', 'no JSON');
  expect(await reasonsOf(history)).toEqual(['a']);
  expect((await history.list({}, { limit: 5, after: 'subscriptions/x' })).items).toHaveLength(1);
});
