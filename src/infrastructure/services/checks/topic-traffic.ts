import type { MessagingEvent, MessagingObserver } from '../../../core/messaging/observing/events.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';

/** Of further topics nothing is counted: an application may publish to topics that a caller names. */
const MAX_TOPICS = 2_000;

/** What this process has published to a topic, and handled of it. Times are in milliseconds since 1970. */
export interface TopicCounts {
  readonly published: number;
  readonly publishFailed: number;
  readonly handled: number;
  readonly failed: number;
  readonly lastPublishedAt?: number;
  readonly lastHandledAt?: number;
}

const NONE: TopicCounts = { published: 0, publishFailed: 0, handled: 0, failed: 0 };

type Counting = { -readonly [K in keyof TopicCounts]: TopicCounts[K] };

/** Counts messages by topic since it began. */
export class TopicTraffic implements MessagingObserver {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #counts = new Map<string, Counting>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  on(event: MessagingEvent): void {
    if (event.type === 'published') {
      const counts = this.#countsOf(event.topic);
      if (event.outcome === 'accepted' || event.outcome === 'spooled') {
        counts.published += event.count;
        counts.lastPublishedAt = this.#clock.now();
      } else counts.publishFailed += event.count;
    } else if (event.type === 'publish-rejected') this.#countsOf(event.topic).publishFailed += 1;
    else if (event.type === 'handled') {
      const counts = this.#countsOf(event.to.topic);
      counts.handled += 1;
      counts.lastHandledAt = this.#clock.now();
    } else if (event.type === 'failed') this.#countsOf(event.to.topic).failed += 1;
  }

  /** Topics that something was counted of. */
  topics(): readonly string[] {
    return [...this.#counts.keys()];
  }

  of(topic: string): TopicCounts {
    return this.#counts.get(topic) ?? NONE;
  }

  #countsOf(topic: string): Counting {
    let counts = this.#counts.get(topic);
    if (!counts) {
      counts = { ...NONE };
      if (this.#counts.size < MAX_TOPICS) this.#counts.set(topic, counts);
    }
    return counts;
  }
}
