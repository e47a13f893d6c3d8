import type {
  PublishOutcome,
  Settlement,
  Subscription,
  TransportContext,
  WireMessage,
} from '../ports/transport.js';
import { NotKeptError } from '../ports/errors.js';
import { backoffMs, pauseWhile } from './backoff.js';
import { nextAttempt, retriedMessage } from './hand-over.js';

/** A retry that the broker does not take is tried again after this. */
const BACKOFF = { minMs: 50, maxMs: 2_000 } as const;

/** A message on its way to its next attempt. */
export interface NextAttempt {
  readonly message: WireMessage;
  /** The number of the next attempt: the same again where the retry counts none. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
}

/** How a retry reaches the broker. */
export interface RetryRoute {
  /** Publishes it to the group that it comes from, and to no other. */
  publish(next: NextAttempt): Promise<PublishOutcome | undefined>;
  /** It is not safe so far, and tried again. */
  failed(error: unknown): void;
  /** It is safe, after a failure. */
  recovered(): void;
}

/**
 * The retry of a broker that cannot delay what it has delivered: the message is published once more, and only what is
 * accepted there may be settled here. A crash in between doubles it; the other order would lose it.
 *
 * What the broker refuses permanently (too large with our headers, forbidden) becomes a dead letter: repeated, it would keep
 * its slot for ever.
 */
export class RepublishingRetry {
  constructor(
    private readonly context: Pick<TransportContext, 'name' | 'clock' | 'keepRefused'>,
    private readonly from: Pick<Subscription, 'topic' | 'group'>,
    private readonly route: RetryRoute,
  ) {}

  /**
   * Resolves with true once the next attempt or its dead letter is safe, and with false once the delivery is not ours
   * any more.
   *
   * @param isOurs asked before each try.
   */
  async publish(
    delivered: { readonly message: WireMessage; readonly attempt: number },
    retry: Settlement & { kind: 'retry' },
    isOurs: () => boolean,
  ): Promise<boolean> {
    const { delayMs } = retry;
    const next = {
      message: retriedMessage(delivered.message, retry),
      attempt: nextAttempt(delivered.attempt, retry),
      delayMs,
      dueAt: this.context.clock.now() + delayMs,
    };
    for (let failures = 0; isOurs(); failures += 1) {
      const waitMs = await this.#try(next, delivered.attempt, failures);
      if (waitMs === undefined) {
        if (failures > 0) this.route.recovered();
        return true;
      }
      await pauseWhile(isOurs, waitMs, this.context.clock);
    }
    return false;
  }

  /** Returns how long to wait before the next try, in ms, or nothing once it is safe. */
  async #try(next: NextAttempt, attempts: number, failures: number): Promise<number | undefined> {
    try {
      const outcome = await this.route.publish(next);
      if (outcome?.kind === 'accepted') return undefined;
      if (outcome) this.route.failed(outcome.error);
      if (outcome?.kind === 'refused' && (await this.#isParked(next, outcome.error, attempts)))
        return undefined;
    } catch (error) {
      this.route.failed(error);
      if (error instanceof NotKeptError) return error.retryAfterMs;
    }
    return backoffMs(failures, BACKOFF);
  }

  async #isParked({ message }: NextAttempt, error: Error, attempts: number): Promise<boolean> {
    const { name: transport, keepRefused } = this.context;
    if (!keepRefused) return false;
    const { topic, group } = this.from;
    await keepRefused({ to: { topic, group }, message, error, transport, attempts });
    return true;
  }
}
