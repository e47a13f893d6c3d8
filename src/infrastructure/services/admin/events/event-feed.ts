import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { StreamSink } from '../http/event-stream.js';
import type { FeedEvent } from './feed-events.js';

/** Limits of a feed. */
const FEED_LIMITS = {
  watchers: 200,
  /** Events that are kept for a watcher that comes back, and their bytes. */
  kept: 1_000,
  keptBytes: 256 * 1024,
  /** What a watcher may be behind. */
  bufferBytes: 1024 * 1024,
  /** Events that come so close together are written at once. */
  flushMs: 50,
  heartbeatMs: 15_000,
  /** A watcher has to prove again who it is. */
  lifeMs: 15 * 60_000,
  /** A watcher that does not take the end is cut off. */
  endMs: 1_000,
} as const;

export type FeedLimits = { readonly [K in keyof typeof FEED_LIMITS]: number };

const MAX_TEXT = 255;
const HEARTBEAT = Buffer.from(':\n\n');
const GREETING = 'retry: 3000\n\n';

interface Kept {
  readonly nth: number;
  readonly text: string;
  readonly forAdmins: boolean;
  /** Absent for what is about no topic. */
  readonly topic: unknown;
}

/** Who watches. */
interface Watcher {
  readonly sink: StreamSink;
  readonly request: WatchRequest;
  readonly endsAt: number;
  pendingBytes: number;
}

/** What a caller asks for. */
export interface WatchRequest {
  /** Sees what is for admins. */
  readonly isAdmin: boolean;
  /** Absent for a caller that sees all topics. Others see only what is about a topic that they see. */
  readonly sees?: ((topic: string) => boolean) | undefined;
  /** `Last-Event-ID` of a watcher that comes back. */
  readonly lastId?: string | undefined;
}

/**
 * Sends events to watchers as server-sent events.
 *
 * An event is serialised once, and what comes within 50 ms is joined once, however many watch. The last events are kept, so
 * that a watcher that comes back misses none, or is informed that it has.
 */
export class EventFeed {
  readonly #clock: Clock;
  readonly #limits: FeedLimits;
  /** Ids of another process, or of this one before it was restarted, begin differently. */
  readonly #epoch = randomBytes(6).toString('hex');
  readonly #watchers = new Set<Watcher>();
  #kept: Kept[] = [];
  #keptBytes = 0;
  #pending: Kept[] = [];
  #nth = 0;
  #isClosed = false;
  #cancelFlush: (() => void) | undefined;
  #cancelBeat: (() => void) | undefined;

  constructor(clock: Clock, limits: Partial<FeedLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...FEED_LIMITS, ...limits };
  }

  get isFull(): boolean {
    return this.#watchers.size >= this.#limits.watchers;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  publish({ type, data, role }: FeedEvent): void {
    if (this.#isClosed) return;
    this.#nth += 1;
    const body = JSON.stringify({ at: new Date(this.#clock.now()).toISOString(), ...data }, bound);
    const text = `id: ${this.#idOf(this.#nth)}\nevent: ${type}\ndata: ${body}\n\n`;
    const event = { nth: this.#nth, text, forAdmins: role === 'admin', topic: data['topic'] };
    this.#keep(event);
    if (this.#watchers.size === 0) return;
    this.#pending.push(event);
    this.#cancelFlush ??= this.#clock.schedule(this.#limits.flushMs, () => this.#flush());
  }

  watch(sink: StreamSink, request: WatchRequest): void {
    // What is pending is for those who watch already; the new one gets it from what is kept.
    this.#flush();
    const endsAt = this.#clock.monotonic() + this.#limits.lifeMs;
    const watcher: Watcher = { sink, request, endsAt, pendingBytes: 0 };
    this.#watchers.add(watcher);
    sink.onClose(() => this.#remove(watcher));
    this.#write(watcher, Buffer.from(GREETING + this.#hello() + this.#resumed(request)));
    this.#cancelBeat ??= this.#clock.schedule(this.#limits.heartbeatMs, () => this.#beat());
  }

  /** Ends every stream. */
  close(): void {
    this.#flush();
    this.#isClosed = true;
    for (const watcher of this.#watchers) this.#end(watcher, 'shutdown');
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const events = this.#pending;
    if (events.length === 0) return;
    this.#pending = [];
    const all = Buffer.from(textOf(events, { isAdmin: true }));
    const some = Buffer.from(textOf(events, { isAdmin: false }));
    for (const watcher of this.#watchers) {
      const { request } = watcher;
      const shared = request.isAdmin ? all : some;
      this.#write(watcher, request.sees ? Buffer.from(textOf(events, request)) : shared);
    }
  }

  #write(watcher: Watcher, chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (watcher.pendingBytes + chunk.length > this.#limits.bufferBytes) {
      this.#end(watcher, 'slow');
      return;
    }
    watcher.pendingBytes += chunk.length;
    watcher.sink.write(chunk, () => (watcher.pendingBytes -= chunk.length));
  }

  #beat(): void {
    this.#cancelBeat = undefined;
    const now = this.#clock.monotonic();
    for (const watcher of this.#watchers) {
      if (watcher.endsAt <= now) this.#end(watcher, 'renew');
      else this.#write(watcher, HEARTBEAT);
    }
    if (this.#watchers.size > 0)
      this.#cancelBeat = this.#clock.schedule(this.#limits.heartbeatMs, () => this.#beat());
  }

  #end(watcher: Watcher, reason: 'slow' | 'renew' | 'shutdown'): void {
    this.#remove(watcher);
    const cancel = this.#clock.schedule(this.#limits.endMs, () => watcher.sink.destroy());
    watcher.sink.onClose(cancel);
    watcher.sink.end(`event: closed\ndata: {"reason":"${reason}"}\n\n`);
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#cancelBeat?.();
    this.#cancelBeat = undefined;
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#pending = [];
  }

  #keep(event: Kept): void {
    this.#kept.push(event);
    this.#keptBytes += event.text.length;
    // Cut only once in a while: each cut moves all that stays.
    if (this.#kept.length < 2 * this.#limits.kept && this.#keptBytes < 2 * this.#limits.keptBytes) return;
    this.#kept = this.#newest();
    this.#keptBytes = this.#kept.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** As many as are kept at least. */
  #newest(): Kept[] {
    let bytes = 0;
    let from = this.#kept.length;
    const first = Math.max(0, from - this.#limits.kept);
    while (from > first) {
      bytes += this.#kept[from - 1]?.text.length ?? 0;
      if (bytes > this.#limits.keptBytes) break;
      from -= 1;
    }
    return this.#kept.slice(from);
  }

  #hello(): string {
    return `event: hello\ndata: {"scope":"process"}\n\n`;
  }

  /** What a watcher that comes back has not seen, after an event `missed` when not all of that is kept. */
  #resumed(request: WatchRequest): string {
    const { lastId } = request;
    // With an id, so that one that comes back before the next event misses none.
    if (lastId === undefined) return `id: ${this.#idOf(this.#nth)}\nevent: ready\ndata: {}\n\n`;
    const kept = this.#newest();
    const [epoch, text = ''] = lastId.split('.', 2);
    const nth = /^\d{1,15}$/.test(text) ? Number(text) : Infinity;
    const isKnown = epoch === this.#epoch && nth <= this.#nth;
    const oldest = kept[0]?.nth ?? this.#nth + 1;
    if (isKnown && nth >= oldest - 1)
      return textOf(
        kept.filter((event) => event.nth > nth),
        request,
      );
    const data = JSON.stringify(
      isKnown ? { reason: 'too-old', count: oldest - 1 - nth } : { reason: 'other-process' },
    );
    return `id: ${this.#idOf(oldest - 1)}\nevent: missed\ndata: ${data}\n\n${textOf(kept, request)}`;
  }

  #idOf(nth: number): string {
    return `${this.#epoch}.${nth}`;
  }
}

function textOf(events: readonly Kept[], { isAdmin, sees }: WatchRequest): string {
  const isSeen = ({ topic }: Kept): boolean => !sees || (typeof topic === 'string' && sees(topic));
  return events
    .filter((event) => (isAdmin || !event.forAdmins) && isSeen(event))
    .map(({ text }) => text)
    .join('');
}

function bound(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}
