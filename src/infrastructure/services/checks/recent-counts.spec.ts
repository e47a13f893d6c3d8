import type { MessagingEvent } from '../../../core/messaging/observing/events.js';
import { RecentCounts } from './recent-counts.js';

const published = (count: number): MessagingEvent => ({
  ...{ type: 'published', topic: 'a', transport: 'main', outcome: 'accepted', count, durationMs: 1 },
});

it('counts since the start and in the last minutes, also over a pause longer than those', () => {
  let now = 1_000_000;
  const counts = new RecentCounts({ monotonic: () => now });
  counts.on(published(10));
  now += 59_000;
  counts.on(published(1));
  expect(counts.last(60_000).published).toBeGreaterThanOrEqual(1);
  now += 30_000;
  expect([counts.last(60_000), counts.last(300_000), counts.total()]).toMatchObject([
    { published: 1 },
    { published: 11 },
    { published: 11 },
  ]);
  now += 3_600_000;
  expect([counts.last(300_000), counts.total()]).toMatchObject([{ published: 0 }, { published: 11 }]);
  counts.on(published(2));
  expect([counts.last(300_000), counts.total()]).toMatchObject([{ published: 2 }, { published: 13 }]);
});

it('counts what was refused, failed and given up', () => {
  const counts = new RecentCounts({ monotonic: () => 0 });
  const to = { topic: 'a', group: 'b', handler: 'C.d' };
  const of = { to, transport: 'main', messageId: '1', attempt: 1, replayed: false };
  counts.on({ type: 'publish-rejected', topic: 'a', errorCode: 'PAYLOAD_INVALID' });
  counts.on({ type: 'handled', ...of, durationMs: 1, latencyMs: 1 });
  for (const disposition of ['retry', 'dead_letter'] as const)
    counts.on({ type: 'failed', ...of, disposition, reason: 'handler_error', error: new Error('x') });
  expect(counts.last(60_000)).toEqual({
    ...{ published: 0, publishFailed: 1, handled: 1, failed: 2, deadLettered: 1 },
  });
});
