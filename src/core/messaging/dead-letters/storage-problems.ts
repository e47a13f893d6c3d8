import type { MessagingEvent } from '../observing/events.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock, TransportProblem } from '../ports/transport.js';
import { ProblemList } from '../transport-kit/problem-list.js';

/** Name under which the store of dead letters reports problems, where a transport has its own. */
export const DEAD_LETTERS = 'dead-letters';

/** A store that has refused nothing for this long counts as usable: whatever waits for it is tried more often. */
const QUIET_MS = 600_000;
/** For as long a drop is shown, because nothing else of it is left. */
const DROPPED_MS = 300_000;

const FULL = 'dead_letters_full';
const UNAVAILABLE = 'dead_letters_unavailable';
const NEAR = 'dead_letters_near_limit';
const DROPPED = 'dead_letters_dropped';

const STAYS =
  'Messages that fail for the last time stay on their broker and are tried again, up to every 5 minutes.';

/** What keeps the store from taking dead letters, and what it loses. */
export class StorageProblems {
  readonly #list: ProblemList;
  #failedAt = -Infinity;
  #droppedAt = -Infinity;

  constructor(
    private readonly clock: Clock,
    emit: (event: MessagingEvent) => void,
  ) {
    this.#list = new ProblemList((event) => emit({ type: 'transport', transport: DEAD_LETTERS, event }));
  }

  all(): readonly TransportProblem[] {
    return this.#list.all();
  }

  /** A dead letter was not stored. */
  failed(error: unknown): void {
    this.#failedAt = this.clock.monotonic();
    const isFull = errorCodeOf(error) === 'STORE_FULL';
    this.#list.solve(isFull ? UNAVAILABLE : FULL);
    if (isFull)
      this.#list.add({
        code: FULL,
        detail: `The dead letter store has no room for another dead letter. ${STAYS} Replay or discard dead letters, or raise the limits of the store.`,
      });
    else
      this.#list.add({
        code: UNAVAILABLE,
        reason: errorCodeOf(error),
        detail: `The dead letter store keeps no dead letter now (${errorCodeOf(error)}). ${STAYS} Repair its server or disk.`,
      });
  }

  stored(): void {
    this.#list.solve(FULL);
    this.#list.solve(UNAVAILABLE);
  }

  /** Dead letters that were `failed` have been removed. */
  dropped(limit: string): void {
    this.#droppedAt = this.clock.monotonic();
    this.#list.add({
      code: DROPPED,
      reason: limit,
      detail: `Failed dead letters are removed, because deadLetters.${limit} is reached and dropPending is set. Their messages are lost.`,
    });
  }

  /** @param limits names of those of which 80 % are used. */
  near(limits: readonly string[]): void {
    if (limits.length === 0) {
      this.#list.solve(NEAR);
      return;
    }
    this.#list.add({
      code: NEAR,
      reason: limits.join(','),
      detail: `The dead letter store has reached 80 % of ${limits.join(' and ')}. Replay or discard dead letters, or raise the limit.`,
    });
  }

  /** Ends what has not happened again for a while. */
  check(): void {
    const now = this.clock.monotonic();
    if (now - this.#failedAt > QUIET_MS) this.stored();
    if (now - this.#droppedAt > DROPPED_MS) this.#list.solve(DROPPED);
  }
}
