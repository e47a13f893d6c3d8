import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewDeadLetter } from '../../../core/messaging/ports/dead-letter-store.js';
import { EmbeddedDeadLetterStore } from './embedded-dead-letter.store.js';
import { EmbeddedIdempotencyStore } from './embedded-idempotency.store.js';

let directory: string;
let serial = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-stores-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function deadLetter(overrides: Partial<NewDeadLetter> = {}): NewDeadLetter {
  serial += 1;
  return {
    id: `0190-${String(serial).padStart(8, '0')}`,
    topic: 'orders.placed',
    group: 'billing',
    handler: 'BillingHandler.charge',
    transport: 'local',
    messageId: `m-${serial}`,
    reason: 'handler_error',
    error: { type: 'TypeError', message: 'boom', stack: 'TypeError: boom\n  at x' },
    fingerprint: 'f1',
    attempts: 5,
    history: [{ attempt: 1, at: 1, errorType: 'TypeError' }],
    firstFailedAt: 1,
    deadLetteredAt: 1_000 + serial,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from([0, 1, 255]),
    ...overrides,
  };
}

describe('the embedded dead letter store', () => {
  it('has after reopening what it kept before, with bytes, counts and places', async () => {
    const first = new EmbeddedDeadLetterStore({ directory });
    await first.connect();
    const kept = deadLetter();
    const id = await first.add(kept);
    await first.transition(id, ['failed'], 'replaying');
    await first.close();
    const store = new EmbeddedDeadLetterStore({ directory });
    await store.connect();
    expect(await store.find(id)).toMatchObject({
      ...kept,
      status: 'replaying',
      replayCount: 1,
      revision: 2,
      bodyBytes: 3,
    });
    expect(await store.add(deadLetter({ messageId: kept.messageId }))).toBe(id);
    expect(await store.stats()).toEqual([
      expect.objectContaining({ topic: 'orders.placed', group: 'billing', status: 'failed', count: 1 }),
    ]);
    expect(await store.discard(id)).toBe(true);
    expect(await store.count({})).toBe(0);
    await store.close();
  });

  it('pages in both orders over more letters than one slice, with and without the index', async () => {
    const store = new EmbeddedDeadLetterStore({ directory });
    await store.connect();
    const ids = await Promise.all(
      Array.from({ length: 700 }, (_, nth) => store.add(deadLetter({ group: nth % 2 === 0 ? 'a' : 'b' }))),
    );
    for (const order of ['newest-first', 'oldest-first'] as const) {
      for (const filter of [{}, { status: 'failed', topic: 'orders.placed', group: 'a' } as const]) {
        const found: string[] = [];
        for (let after: string | undefined; ;) {
          const page = await store.list(filter, { limit: 150, order, ...(after !== undefined && { after }) });
          found.push(...page.items.map(({ id }) => id));
          after = page.next;
          if (after === undefined) break;
        }
        const expected = ids.filter((_, nth) => !('group' in filter) || nth % 2 === 0);
        expect(found).toEqual(order === 'oldest-first' ? expected : [...expected].reverse());
      }
    }
    const [group] = await store.groups({}, 10);
    expect(group).toMatchObject({ count: 700, sampleIds: ids.slice(-5).reverse() });
    await store.close();
  });
});

describe('the embedded idempotency store', () => {
  it('remembers over a restart what is done, and frees the claims of a process', async () => {
    const first = new EmbeddedIdempotencyStore({ directory });
    await first.connect();
    const done = await first.begin('done', 60_000);
    await first.begin('in flight', 60_000);
    if (done.kind === 'fresh') await first.complete('done', done.token, 60_000);
    expect((await first.begin('in flight', 60_000)).kind).toBe('busy');
    await first.close();
    const store = new EmbeddedIdempotencyStore({ directory });
    await store.connect();
    expect((await store.begin('done', 60_000)).kind).toBe('done');
    expect((await store.begin('in flight', 60_000)).kind).toBe('fresh');
    await store.close();
  });

  it('sweeps what has expired', async () => {
    let now = 1_000_000;
    const timers: (() => void)[] = [];
    const clock = {
      now: () => now,
      monotonic: () => now,
      schedule: (_: number, callback: () => void) => {
        timers.push(callback);
        return () => undefined;
      },
    };
    const store = new EmbeddedIdempotencyStore({ directory, clock });
    await store.connect();
    const claim = await store.begin('x'.repeat(3_000), 1_000);
    if (claim.kind === 'fresh') await store.complete('x'.repeat(3_000), claim.token, 5_000);
    now += 4_000;
    expect((await store.begin('x'.repeat(3_000), 1_000)).kind).toBe('done');
    now += 2_000;
    timers.shift()?.();
    for (let tries = 0; timers.length === 0 && tries < 1_000; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await store.begin('x'.repeat(3_000), 1_000)).kind).toBe('fresh');
    await store.close();
  });
});
