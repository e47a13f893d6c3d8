import type { MessagingEvent, MessagingObserver } from '../../../core/messaging/observing/events.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';

const KINDS = ['published', 'publishFailed', 'handled', 'failed', 'deadLettered'] as const;
type Kind = (typeof KINDS)[number];

/** Messages of a span of time. */
export type TrafficCounts = Readonly<Record<Kind, number>>;

/** A span is known to this precision. */
const SLOT_MS = 5_000;
/** The longest span that can be asked for. */
export const MAX_SPAN_MS = 300_000;
const SLOTS = MAX_SPAN_MS / SLOT_MS + 1;

type Slot = { nth: number } & Record<Kind, number>;

/** Counts what this process publishes and handles: since it began, and in the last minutes. */
export class RecentCounts implements MessagingObserver {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #total = slotOf(0);
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => slotOf(-1));

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  on(event: MessagingEvent): void {
    if (event.type === 'published') this.#add(isTaken(event) ? 'published' : 'publishFailed', event.count);
    else if (event.type === 'publish-rejected') this.#add('publishFailed', 1);
    else if (event.type === 'handled') this.#add('handled', 1);
    else if (event.type === 'failed') {
      this.#add('failed', 1);
      if (event.disposition === 'dead_letter') this.#add('deadLettered', 1);
    }
  }

  total(): TrafficCounts {
    return countsOf(this.#total);
  }

  /** @param spanMs at most {@link MAX_SPAN_MS}; up to 5 s less are counted. */
  last(spanMs: number): TrafficCounts {
    const now = this.#nth();
    const since = now - spanMs / SLOT_MS;
    const sum = slotOf(now);
    for (const slot of this.#slots)
      if (slot.nth > since && slot.nth <= now) for (const kind of KINDS) sum[kind] += slot[kind];
    return countsOf(sum);
  }

  #add(kind: Kind, count: number): void {
    const nth = this.#nth();
    const slot = this.#slots[nth % SLOTS] as Slot;
    if (slot.nth !== nth) Object.assign(slot, slotOf(nth));
    slot[kind] += count;
    this.#total[kind] += count;
  }

  #nth(): number {
    return Math.floor(this.#clock.monotonic() / SLOT_MS);
  }
}

function isTaken({ outcome }: Extract<MessagingEvent, { type: 'published' }>): boolean {
  return outcome === 'accepted' || outcome === 'spooled';
}

function slotOf(nth: number): Slot {
  return { nth, published: 0, publishFailed: 0, handled: 0, failed: 0, deadLettered: 0 };
}

function countsOf({ nth: _, ...counts }: Slot): TrafficCounts {
  return counts;
}
