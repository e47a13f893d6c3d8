import type { Clock, PublishOutcome, Settlement, WireMessage } from '../ports/transport.js';
import { backoffMs, pause } from './backoff.js';
import { retriedMessage } from './hand-over.js';

/** A retry that the broker does not take is tried again after this. */
const BACKOFF = { minMs: 50, maxMs: 2_000, jitter: 'none' } as const;

/** A message on its way to its next attempt. */
export interface NextAttempt {
  readonly message: WireMessage;
  /** The number of the next attempt. */
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
 * The retry of a broker that cannot delay what it has delivered: the message is published once more, and only what is accepted
 * there may be settled here. A crash in between doubles it; the other order would lose it.
 */
export class RepublishingRetry {
  constructor(
    private readonly clock: Clock,
    private readonly route: RetryRoute,
  ) {}

  /**
   * Resolves with true once the next attempt is safe, and with false once the delivery is not ours any more.
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
      attempt: delivered.attempt + 1,
      delayMs,
      dueAt: this.clock.now() + delayMs,
    };
    for (let failures = 0; isOurs(); failures += 1) {
      if (await this.#isTaken(next)) {
        if (failures > 0) this.route.recovered();
        return true;
      }
      await pause(backoffMs(failures, BACKOFF), this.clock);
    }
    return false;
  }

  async #isTaken(next: NextAttempt): Promise<boolean> {
    try {
      const outcome = await this.route.publish(next);
      if (outcome?.kind === 'accepted') return true;
      if (outcome) this.route.failed(outcome.error);
    } catch (error) {
      this.route.failed(error);
    }
    return false;
  }
}
