import type { Backlog, Subscription, WireMessage } from '../ports/transport.js';

/**
 * Estimates the age of the oldest message of a group, for brokers that report it only by delivering the message. Exact for
 * messages in flight, an upper bound for queued ones.
 */
export class AgeEstimate {
  #lastEmptyAt: number | undefined;
  #seenWaitingAt: number | undefined;
  #lastDelivered: WireMessage | undefined;

  /** Messages queued behind it are younger. */
  delivered(message: WireMessage): void {
    this.#lastDelivered = message;
  }

  /** @param now milliseconds since 1970. */
  oldestAgeMs(ready: number, inFlight: Iterable<WireMessage>, now: number): number | undefined {
    let oldest = Infinity;
    for (const message of inFlight) oldest = Math.min(oldest, sentAt(message) ?? now);
    if (ready === 0) {
      this.#lastEmptyAt = now;
      this.#seenWaitingAt = undefined;
    } else {
      this.#seenWaitingAt ??= now;
      if (oldest === Infinity) oldest = this.#oldestWaiting(this.#seenWaitingAt);
    }
    return oldest === Infinity ? undefined : Math.max(0, now - oldest);
  }

  #oldestWaiting(seenAt: number): number {
    const bounds = [this.#lastEmptyAt, this.#lastDelivered && sentAt(this.#lastDelivered)];
    const known = bounds.filter((bound) => bound !== undefined);
    return known.length === 0 ? seenAt : Math.max(...known);
  }
}

/** The estimates of all groups of a transport. */
export class AgeEstimates {
  readonly #ages = new Map<string, AgeEstimate>();

  of({ topic, group }: Pick<Subscription, 'topic' | 'group'>): AgeEstimate {
    const name = `${topic}/${group}`;
    let age = this.#ages.get(name);
    if (!age) this.#ages.set(name, (age = new AgeEstimate()));
    return age;
  }

  /** @param now milliseconds since 1970. */
  backlog(
    of: Pick<Subscription, 'topic' | 'group'>,
    known: { readonly ready: number; readonly delayed: number; readonly inHand: readonly WireMessage[] },
    now: number,
  ): Backlog {
    const { ready, delayed, inHand: inFlight } = known;
    const oldestAgeMs = this.of(of).oldestAgeMs(ready, inFlight, now);
    return {
      ready,
      inFlight: inFlight.length,
      delayed,
      ...(oldestAgeMs === undefined ? {} : { oldestAgeMs }),
    };
  }
}

function sentAt({ headers }: WireMessage): number | undefined {
  const time = Date.parse(headers['ce_time'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}
