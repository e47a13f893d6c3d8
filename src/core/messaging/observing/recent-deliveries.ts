import type { HandlerIdentity, MessagingEvent, MessagingObserver } from './events.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { Recent } from './recent.js';

/** As for publishes: enough for a question that is asked at once. */
const REMEMBERED = 20_000;
/** Of their own, so that a thousand successes a second do not push the failure out. */
const FAILURES_REMEMBERED = 10_000;

/** What happened to a delivery in this process. */
export interface RememberedDelivery {
  /** Milliseconds since 1970. Clocks jump, so `nth` has the order. */
  readonly at: number;
  readonly nth: number;
  readonly messageId: string;
  readonly to: HandlerIdentity;
  readonly what:
    | 'delivered'
    | 'handled'
    | 'duplicate'
    | 'retrying'
    | 'dead-lettered'
    | 'discarded'
    | 'answered'
    | 'postponed'
    | 'dropped';
  readonly transport?: string;
  readonly attempt?: number;
  /** Of the error, or of why it was postponed or dropped. */
  readonly reason?: string;
  /** Until the next delivery. */
  readonly delayMs?: number;
}

const DISPOSITIONS = {
  retry: 'retrying',
  dead_letter: 'dead-lettered',
  discard: 'discarded',
  replied: 'answered',
} as const satisfies Record<string, RememberedDelivery['what']>;

/** Remembers the last deliveries of this process, so that one can be asked for by the id of its message. */
export class RecentDeliveries implements MessagingObserver {
  readonly #routine = new Recent<RememberedDelivery>(REMEMBERED);
  readonly #failures = new Recent<RememberedDelivery>(FAILURES_REMEMBERED);

  #count = 0;

  constructor(private readonly clock: Clock) {}

  on(event: MessagingEvent): void {
    if (event.type === 'delivered' || event.type === 'handled') {
      const { to, transport, messageId, attempt, type } = event;
      this.#routine.add({ ...this.#now(), what: type, to, transport, messageId, attempt });
    } else if (event.type === 'duplicate-suppressed') {
      const { to, messageId } = event;
      this.#routine.add({ ...this.#now(), what: 'duplicate', to, messageId });
    } else if (event.type === 'failed') this.#failed(event);
    else if (event.type === 'postponed') {
      const { to, transport, messageId, attempt, reason, delayMs } = event;
      const delivery = { to, transport, messageId, attempt };
      this.#failures.add({ ...this.#now(), what: 'postponed', ...delivery, reason, delayMs });
    } else if (event.type === 'request-dropped') {
      const { to, transport, messageId, reason } = event;
      this.#failures.add({ ...this.#now(), what: 'dropped', to, transport, messageId, reason });
    }
  }

  /** Oldest first. */
  of(messageId: string): readonly RememberedDelivery[] {
    const matches = (one: RememberedDelivery): boolean => one.messageId === messageId;
    return [...this.#routine.find(matches), ...this.#failures.find(matches)].sort(
      (one, other) => one.nth - other.nth,
    );
  }

  /** When the oldest of those that succeeded was; undefined as long as nothing was forgotten. */
  get since(): number | undefined {
    return this.#routine.since;
  }
  #failed(event: Extract<MessagingEvent, { type: 'failed' }>): void {
    const { to, transport, messageId, attempt, disposition, error, delayMs } = event;
    this.#failures.add({
      ...this.#now(),
      what: DISPOSITIONS[disposition],
      ...{ to, transport, messageId, attempt },
      reason: errorCodeOf(error),
      ...(delayMs !== undefined && { delayMs }),
    });
  }

  #now(): Pick<RememberedDelivery, 'at' | 'nth'> {
    return { at: this.clock.now(), nth: ++this.#count };
  }
}
