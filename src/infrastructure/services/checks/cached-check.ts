import { systemClock } from '../../../core/messaging/ports/clock.js';
import { withDeadline } from '../../../core/messaging/transport-kit/deadline.js';
import { errorCodeOf, MessagingError } from '../../../core/messaging/ports/errors.js';

export interface CheckResult {
  readonly up: boolean;
  /** Code or class of the last error; never its text, which may name hosts. */
  readonly errorCode?: string;
  /** Time of the last change of `isUp`, in milliseconds since 1970. */
  readonly since: number;
  /** Time of the last success, in milliseconds since 1970; absent before the first. */
  readonly lastSuccessAt?: number;
}

/**
 * A cheap query of an external system, run at most once per `cacheMs` however many want to know, and never a second
 * time while the first has no answer: health must not be what overloads a broker that is already slow.
 */
export class CachedCheck {
  readonly #work: () => Promise<unknown>;
  readonly #cacheMs: number;
  readonly #timeoutMs: number;
  #last: CheckResult | undefined;
  #checkedAt = 0;
  #checking: Promise<CheckResult> | undefined;
  #unanswered: Promise<unknown> | undefined;

  constructor(
    work: () => Promise<unknown>,
    limits: { readonly cacheMs: number; readonly timeoutMs: number },
  ) {
    this.#work = work;
    this.#cacheMs = limits.cacheMs;
    this.#timeoutMs = limits.timeoutMs;
  }

  /** Resolves within the timeout and never rejects. */
  check(): Promise<CheckResult> {
    if (this.#last && systemClock.monotonic() - this.#checkedAt < this.#cacheMs)
      return Promise.resolve(this.#last);
    this.#checking ??= this.#ask().then((result) => {
      this.#checking = undefined;
      return result;
    });
    return this.#checking;
  }

  async #ask(): Promise<CheckResult> {
    let errorCode: string | undefined;
    try {
      await withDeadline(this.#answer(), this.#timeoutMs, tooLate, systemClock);
    } catch (error) {
      errorCode = errorCodeOf(error);
    }
    const up = errorCode === undefined;
    const since = this.#last?.up === up ? this.#last.since : systemClock.now();
    const lastSuccessAt = up ? systemClock.now() : this.#last?.lastSuccessAt;
    this.#last = {
      up,
      since,
      ...(errorCode !== undefined && { errorCode }),
      ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    };
    this.#checkedAt = systemClock.monotonic();
    return this.#last;
  }

  #answer(): Promise<unknown> {
    if (this.#unanswered) return this.#unanswered;
    // An async function, so that a synchronous throw becomes a rejection.
    const answer = (async () => this.#work())();
    this.#unanswered = answer;
    const answered = (): void => {
      this.#unanswered = undefined;
    };
    answer.then(answered, answered);
    return answer;
  }
}

function tooLate(): Error {
  return new MessagingError('DEADLINE_EXCEEDED', 'There was no answer in time.');
}
