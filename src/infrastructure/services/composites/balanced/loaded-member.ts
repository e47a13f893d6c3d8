import type {
  Clock,
  Destination,
  PublishOptions,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Member } from '../members/member.js';
import type { Target } from '../members/try-in-order.js';

/** Time in which an old measurement loses about two thirds of its weight, so that a member that was slow is tried again. */
const FORGET_MS = 5_000;
/** Latencies below this count as equal: the differences are noise. */
const LEAST_MS = 0.1;

/** A member with its load and its latency. */
export class LoadedMember implements Target {
  /** Messages that it has been given, by its weight. */
  given = 0;
  #inFlight = 0;
  #latencyMs = 0;
  #measuredAt = 0;

  constructor(
    readonly member: Member,
    readonly weight: number,
    private readonly clock: Clock,
  ) {}

  get name(): string {
    return this.member.name;
  }

  get transport(): Member['transport'] {
    return this.member.transport;
  }

  get isHealthy(): boolean {
    return this.member.isHealthy;
  }

  /** Messages in flight, by its weight. */
  get inFlight(): number {
    return this.#inFlight / this.weight;
  }

  /** How long a further call would take, by its weight: more the more is in flight. */
  get cost(): number {
    const faded = this.#latencyMs * Math.exp((this.#measuredAt - this.clock.monotonic()) / FORGET_MS);
    return (Math.max(faded, LEAST_MS) * (this.#inFlight + 1)) / this.weight;
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const startedAt = this.clock.monotonic();
    this.#inFlight += messages.length;
    this.given += messages.length / this.weight;
    try {
      return await this.member.publish(to, messages, options);
    } finally {
      this.#inFlight -= messages.length;
      this.#measure(startedAt);
    }
  }

  /** An average that follows a rise at once and a fall slowly ("peak EWMA", as in Finagle's load balancer). */
  #measure(startedAt: number): void {
    const now = this.clock.monotonic();
    const tookMs = now - startedAt;
    const old = Math.exp((this.#measuredAt - now) / FORGET_MS);
    this.#latencyMs = tookMs > this.#latencyMs ? tookMs : this.#latencyMs * old + tookMs * (1 - old);
    this.#measuredAt = now;
  }
}
