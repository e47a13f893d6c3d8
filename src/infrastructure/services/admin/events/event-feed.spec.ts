import { HandClock } from '../../../../../test/support/hand-clock.js';
import type { StreamSink } from '../http/event-stream.js';
import { EventFeed, type FeedLimits } from './event-feed.js';

class FakeSink implements StreamSink {
  text = '';
  chunks: Buffer[] = [];
  isEnded = false;
  isDestroyed = false;
  /** What the system has not taken yet. */
  held: (() => void)[] | undefined;
  readonly #closed: (() => void)[] = [];

  write(chunk: Buffer, written: () => void): void {
    this.chunks.push(chunk);
    this.text += chunk.toString();
    if (this.held) this.held.push(written);
    else written();
  }

  end(chunk: string): void {
    this.text += chunk;
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  onClose(closed: () => void): void {
    this.#closed.push(closed);
  }

  close(): void {
    for (const closed of this.#closed) closed();
  }

  get ids(): number[] {
    return [...this.text.matchAll(/^id: \w+\.(\d+)$/gm)].map(([, nth]) => Number(nth));
  }

  get lastId(): string {
    return [...this.text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
  }
}

let clock: HandClock;

beforeEach(() => {
  clock = new HandClock();
});

function open(limits: Partial<FeedLimits> = {}): {
  feed: EventFeed;
  watch: (lastId?: string, isAdmin?: boolean) => FakeSink;
  publish: (count?: number) => void;
} {
  const feed = new EventFeed(clock, limits);
  return {
    feed,
    watch: (lastId, isAdmin = false) => {
      const sink = new FakeSink();
      feed.watch(sink, { isAdmin, lastId });
      return sink;
    },
    publish: (count = 1) => {
      for (let n = 0; n < count; n++) feed.publish({ type: 'test', data: { n } });
    },
  };
}

it('serialises an event once, and joins what comes together once, for all watchers', async () => {
  const { feed, watch } = open();
  const sinks = Array.from({ length: 100 }, () => watch());
  let serialised = 0;
  const data = { toJSON: () => ((serialised += 1), 'x') };
  for (let n = 0; n < 10; n++) feed.publish({ type: 'test', data: { data } });
  await clock.advance(50);
  expect(serialised).toBe(10);
  expect(new Set(sinks.map(({ chunks }) => chunks.at(-1))).size).toBe(1);
  expect(sinks[0]?.ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

it('continues after the last event, or reports how many are missing', async () => {
  const { watch, publish } = open({ kept: 10 });
  const first = watch();
  publish(5);
  await clock.advance(50);
  publish(5);
  expect(watch(first.lastId).ids).toEqual([6, 7, 8, 9, 10]);
  publish(15);
  const late = watch(first.lastId);
  expect(late.text).toContain('event: missed\ndata: {"reason":"too-old","count":5}');
  expect(late.ids).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  expect(watch(late.lastId).text).not.toContain('missed');
});

it('a watcher that comes back while others wait for a flush receives each event once', async () => {
  const { watch, publish } = open();
  const before = watch();
  const { lastId } = before;
  publish(3);
  const after = watch(lastId);
  publish(1);
  await clock.advance(50);
  expect([before.ids, after.ids]).toEqual([
    [0, 1, 2, 3, 4],
    [1, 2, 3, 4],
  ]);
});

it('keeps what is bounded by count and bytes', () => {
  const { watch, publish, feed } = open({ kept: 10, keptBytes: 1_000 });
  publish(1_000);
  expect(watch('x.1').ids.length).toBeLessThanOrEqual(11);
  feed.publish({ type: 'test', data: { text: 'x'.repeat(100_000) } });
  expect(watch('x.1').text.length).toBeLessThan(2_000);
});

it('keeps from others what is for admins, also when they come back', async () => {
  const { watch, feed } = open();
  const [viewer, admin] = [watch(), watch(undefined, true)];
  feed.publish({ type: 'audit', data: {}, role: 'admin' });
  await clock.advance(50);
  expect([viewer.text, admin.text].map((text) => text.includes('audit'))).toEqual([false, true]);
  expect(watch(viewer.lastId).text).not.toContain('audit');
  expect(watch(viewer.lastId, true).text).toContain('audit');
});

it('sends to a caller that sees some topics only what is about those', async () => {
  const { feed } = open();
  const [first, again] = [new FakeSink(), new FakeSink()];
  const request = { isAdmin: true, sees: (topic: string) => topic === 'a' };
  feed.watch(first, request);
  const { lastId } = first;
  for (const topic of ['a', 'b', undefined]) feed.publish({ type: `of-${topic}`, data: { topic } });
  feed.publish({ type: 'audit', data: {}, role: 'admin' });
  await clock.advance(50);
  feed.watch(again, { ...request, lastId });
  for (const { text } of [first, again])
    expect([...text.matchAll(/^event: (of-\w+|audit)$/gm)].map(([, type]) => type)).toEqual(['of-a']);
});

it('cuts off a reader that is too far behind, with a reason, and then its connection', async () => {
  const { watch, publish, feed } = open({ bufferBytes: 2_000 });
  const [slow, fast] = [watch(), watch()];
  slow.held = [];
  for (let n = 0; n < 10; n++) {
    publish(10);
    await clock.advance(50);
  }
  expect(slow.text).toMatch(/event: closed\ndata: \{"reason":"slow"\}\n\n$/);
  expect([slow.isEnded, slow.isDestroyed, feed.watchers]).toEqual([true, false, 1]);
  await clock.advance(1_000);
  expect(slow.isDestroyed).toBe(true);
  expect(fast.ids).toHaveLength(101);
});

it('sends heartbeats, and ends a stream after a quarter of an hour', async () => {
  const { watch, feed } = open();
  const sink = watch();
  for (let n = 0; n < 59; n++) await clock.advance(15_000);
  expect(sink.text.match(/^:$/gm)).toHaveLength(59);
  await clock.advance(15_000);
  expect(sink.text).toContain('"reason":"renew"');
  expect(feed.watchers).toBe(0);
});

it('ends all streams when it closes, and a connection that is over is forgotten', async () => {
  const { watch, feed, publish } = open();
  const [gone, there] = [watch(), watch()];
  gone.close();
  expect(feed.watchers).toBe(1);
  publish();
  feed.close();
  expect(there.text).toMatch(/event: test[^]*event: closed\ndata: \{"reason":"shutdown"\}\n\n$/);
  expect(gone.text).not.toContain('closed');
  publish();
  expect(feed.isClosed).toBe(true);
});
