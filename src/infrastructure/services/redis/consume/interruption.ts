import {
  CONSUMER_INTERRUPTED,
  type Clock,
  type Subscription,
} from '../../../../core/messaging/ports/transport.js';
import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import { isOurs } from '../../../../core/messaging/transport-kit/broker-failure.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { replyCode } from '../client/redis-errors.js';

/** What a consumer does again and again, in the order in which a failure of one explains those of the next. */
const ACTIVITIES = ['reading', 'heartbeat', 'settling'] as const;
type Activity = (typeof ACTIVITIES)[number];

/** A server that answers with an error for this long has not only lost a group for a moment. */
const REPLY_GRACE_MS = 2_000;
/** Longer than a blocking read and a reconnect take: 5 s of silence are normal for a read. */
const SILENCE_GRACE_MS = 8_000;

/** What follows for the messages. */
const EFFECTS: Readonly<Record<Activity, string>> = {
  reading: 'gets no messages',
  heartbeat: 'cannot renew its lease and moves no retries',
  settling: 'cannot settle its messages',
};

interface Failing {
  /** On the monotonic clock. */
  readonly since: number;
  /** The server, or this transport, has said why; otherwise it is silent or cannot be reached. */
  readonly isReply: boolean;
  readonly code: string | undefined;
  readonly error: Error;
}

export interface InterruptionOptions {
  readonly of: Pick<Subscription, 'topic' | 'group'>;
  readonly problems: ProblemList;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Reports `consumer_interrupted` while one of a consumer's activities keeps failing, with the reason. */
export class Interruption {
  readonly #failing = new Map<Activity, Failing>();

  constructor(private readonly options: InterruptionOptions) {}

  /**
   * @param cause of the failure, as the client threw it.
   * @param error what is reported.
   * @param startedAt when the call began that failed, on the monotonic clock.
   */
  failed(
    activity: Activity,
    cause: unknown,
    { error, startedAt }: { readonly error: Error; readonly startedAt: number },
  ): void {
    const now = this.options.clock.monotonic();
    const known = this.#failing.get(activity);
    const code = replyCode(cause);
    const isReply = code !== undefined || isOurs(cause);
    const since = known?.since ?? (isReply ? now : startedAt);
    // The first error of a code, because the command itself names what a script that follows does not.
    const first = known && code !== undefined && known.code === code ? known.error : error;
    this.#failing.set(activity, { since, code, isReply, error: first });
    this.#report(now);
  }

  works(activity: Activity): void {
    if (this.#failing.size === 0 || !this.#failing.delete(activity)) return;
    if (!this.#report(this.options.clock.monotonic())) this.#solve();
  }

  /** The consumer ends: nothing of it is interrupted any more. */
  ended(): void {
    this.#failing.clear();
    this.#solve();
  }

  /** False when nothing has failed for long. */
  #report(now: number): boolean {
    const { topic, group } = this.options.of;
    for (const activity of ACTIVITIES) {
      const failing = this.#failing.get(activity);
      if (!failing) continue;
      const { since, isReply, code, error } = failing;
      if (now - since < (isReply ? REPLY_GRACE_MS : SILENCE_GRACE_MS)) continue;
      const detail = `A consumer of group "${group}" of "${topic}" ${EFFECTS[activity]}: ${error.message}`;
      const reason = code ?? errorCodeOf(error);
      this.options.problems.add({ code: CONSUMER_INTERRUPTED, topic, group, reason, detail });
      return true;
    }
    return false;
  }

  #solve(): void {
    this.options.problems.solve(CONSUMER_INTERRUPTED, this.options.of);
  }
}
