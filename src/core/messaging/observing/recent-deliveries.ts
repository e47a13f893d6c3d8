import type { HandlerIdentity, MessagingEvent, MessagingObserver } from './events.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { Recent } from './recent.js';

/** Enough for a question that is asked at once, and a megabyte. */
const REMEMBERED = 20_000;
/** Of their own, so that a thousand successes a second do not push the failure out. */
const FAILURES_REMEMBERED = 10_000;

type Routine = 'delivered' | 'handled' | 'duplicate';
type Failure = 'retrying' | 'dead-lettered' | 'discarded' | 'answered' | 'postponed' | 'dropped';

/** What happened to a delivery in this process. */
export interface RememberedDelivery {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly to: HandlerIdentity;
  readonly what: Routine | Failure;
  readonly transport?: string;
  readonly attempt?: number;
  /** Code of the error, or why it was postponed or dropped. */
  readonly reason?: string;
  /** Until the next delivery. */
  readonly delayMs?: number;
}

interface FailurePlace {
  readonly to: HandlerIdentity;
  readonly reason: string;
  readonly delayMs?: number;
}

const DISPOSITIONS = {
  retry: 'retrying',
  dead_letter: 'dead-lettered',
  discard: 'discarded',
  replied: 'answered',
} as const satisfies Record<string, Failure>;

/** Remembers the last deliveries of this process, so that one can be asked for by the id of its message. */
export class RecentDeliveries implements MessagingObserver {
  readonly #routine = new Recent<Routine, HandlerIdentity>(REMEMBERED);
  readonly #failures = new Recent<Failure, FailurePlace>(FAILURES_REMEMBERED);

  constructor(private readonly clock: Clock) {}

  on(event: MessagingEvent): void {
    if (event.type === 'delivered' || event.type === 'handled')
      this.#routine.add(event, event.type, event.to, this.clock.now());
    else if (event.type === 'duplicate-suppressed')
      this.#routine.add(event, 'duplicate', event.to, this.clock.now());
    else if (event.type === 'failed') {
      const { to, disposition, error, delayMs } = event;
      const place = { to, reason: errorCodeOf(error), ...(delayMs !== undefined && { delayMs }) };
      this.#failures.add(event, DISPOSITIONS[disposition], place, this.clock.now());
    } else if (event.type === 'postponed') {
      const { to, reason, delayMs } = event;
      this.#failures.add(event, 'postponed', { to, reason, delayMs }, this.clock.now());
    } else if (event.type === 'request-dropped') {
      const { to, reason } = event;
      this.#failures.add(event, 'dropped', { to, reason }, this.clock.now());
    }
  }

  /** Oldest first. */
  of(messageId: string): readonly RememberedDelivery[] {
    const routine = this.#routine.of(messageId).map(({ place, ...rest }) => ({ ...rest, to: place }));
    const failures = this.#failures.of(messageId).map(({ place, ...rest }) => ({ ...rest, ...place }));
    return [...routine, ...failures]
      .sort((one, other) => one.at - other.at || one.attempt - other.attempt)
      .map(({ transport, attempt, ...rest }) => ({
        ...rest,
        ...(transport !== undefined && { transport }),
        ...(attempt > 0 && { attempt }),
      }));
  }

  /** When the oldest of those that succeeded was; undefined as long as nothing was forgotten. */
  get since(): number | undefined {
    return this.#routine.since;
  }
}
