import { randomUUID } from 'node:crypto';
import type {
  Consumer,
  Delivery,
  PublishOutcome,
  Settlement,
  Transport,
} from '../../src/core/messaging/ports/transport.js';
import { machineNow } from './machine-time.js';
import { usedBytes, usedBytesNow } from '../../src/testing/conformance/used-bytes.js';

const ACK: Settlement = { kind: 'ack' };
const MB = 1_000_000;
/** Of a lane, accepted and not handled: what is published quicker than it is handled would only be waited for in the end. */
const MAX_IN_FLIGHT = 500;
const POLL_MS = 10;

/** What a load has seen. */
export interface LoadResult {
  readonly accepted: ReadonlySet<string>;
  readonly unknown: ReadonlySet<string>;
  readonly unavailable: ReadonlySet<string>;
  /** Accepted after another member may have taken it, too. */
  readonly possiblyTwice: ReadonlySet<string>;
  /** How often each id was handled. */
  readonly handled: ReadonlyMap<string, number>;
  /** Longest time without any acceptance, but for the time in which every lane waited for what it had published to be handled. */
  readonly longestGapMs: number;
  /** As {@link longestGapMs}, for limits: in milliseconds of a machine that is not loaded. */
  readonly longestGapMachineMs: number;
  /** From the moment when all was well again until a message that was published since was accepted, and any was handled. */
  readonly goesOnAfterMs: number | undefined;
  /** From the moment when all was well again, the longest time in which nothing was handled, in milliseconds of a machine that is not loaded. */
  readonly standstillMachineMs: number;
  /** Accepted and handled after a later message of the same key; undefined when the load has no keys. */
  readonly outOfOrder: number | undefined;
  /** Of the process, from before it began until it had ended. */
  readonly memoryGrowthMb: number;
}

/** Publishes all the time, and notes what became of each message. */
export class Load {
  readonly topic = `load-${randomUUID().slice(0, 8)}`;
  readonly #accepted = new Set<string>();
  readonly #unknown = new Set<string>();
  readonly #unavailable = new Set<string>();
  readonly #possiblyTwice = new Set<string>();
  readonly #handled = new Map<string, number>();
  readonly #firstHandled: { readonly id: string; readonly key: string }[] = [];
  readonly #lanes: Promise<void>[] = [];
  /** Accepted and not handled, with the lane's own list of such. */
  readonly #inFlight = new Map<string, Set<string>>();
  #isEnded = false;
  #count = 0;
  #gapFrom = now();
  #longestGap = { wallMs: 0, machineMs: 0 };
  #waitingLanes = 0;
  #pausedAt = now();
  #lastFailure = 'none';
  #healedAt = Infinity;
  #firstAfter = Infinity;
  #acceptsAfterMs: number | undefined;
  #handlesAfterMs: number | undefined;
  #handledAt = Infinity;
  #standstillMachineMs = 0;
  readonly #bytesBefore = usedBytesNow();

  constructor(
    private readonly publisher: Transport,
    private readonly options: {
      readonly lanes?: number;
      readonly batch?: number;
      readonly deadlineMs?: number;
      /** Each lane has a key of its own, and the group keeps their order. */
      readonly isKeyed?: boolean;
      /** Of each lane: accepted by a broker and not handled so far. @default 500 */
      readonly maxInFlight?: number;
    } = {},
  ) {}

  /** Consumes on this transport and notes what comes. */
  consume(transport: Transport, concurrency = 20): Promise<Consumer> {
    return transport.consume(
      { topic: this.topic, group: 'g', concurrency, ordering: this.options.isKeyed ? 'key' : 'none' },
      ({ message }: Delivery) => {
        const times = this.#handled.get(message.id) ?? 0;
        this.#handled.set(message.id, times + 1);
        this.#noteProgress();
        const { id, key } = message;
        if (times === 0) this.#inFlight.get(id)?.delete(id);
        this.#inFlight.delete(id);
        if (times === 0 && key !== undefined) this.#firstHandled.push({ id, key });
        return Promise.resolve(ACK);
      },
    );
  }

  start(): void {
    for (let lane = 0; lane < (this.options.lanes ?? 4); lane++)
      this.#lanes.push(this.#publish(this.options.isKeyed ? { key: `lane ${lane}` } : {}));
  }

  /** Whatever was wrong is over. */
  healed(): void {
    this.#healedAt = performance.now();
    this.#firstAfter = this.#count + 1;
    this.#acceptsAfterMs = undefined;
    this.#handlesAfterMs = undefined;
    this.#handledAt = machineNow();
    this.#standstillMachineMs = 0;
  }

  get acceptedCount(): number {
    return this.#accepted.size;
  }

  /** How many messages were handled at least once. */
  get handledCount(): number {
    return this.#handled.size;
  }

  /** Accepted by a broker and not handled so far: lanes that have too many of them publish no more. */
  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** What the last message that was not accepted was told. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  timesHandled(id: string): number {
    return this.#handled.get(id) ?? 0;
  }

  /** Ids that were accepted and not handled so far. */
  get missing(): string[] {
    return [...this.#accepted].filter((id) => !this.#handled.has(id));
  }

  async end(): Promise<LoadResult> {
    this.#isEnded = true;
    await Promise.all(this.#lanes);
    return {
      accepted: this.#accepted,
      unknown: this.#unknown,
      unavailable: this.#unavailable,
      possiblyTwice: this.#possiblyTwice,
      handled: this.#handled,
      longestGapMs: this.#longestGap.wallMs,
      longestGapMachineMs: this.#longestGap.machineMs,
      goesOnAfterMs: this.#goesOnAfterMs(),
      standstillMachineMs: this.#standstillMachineMs,
      outOfOrder: this.options.isKeyed ? this.#outOfOrder() : undefined,
      memoryGrowthMb: ((await usedBytes()) - this.#bytesBefore) / MB,
    };
  }

  #goesOnAfterMs(): number | undefined {
    const [accepts, handles] = [this.#acceptsAfterMs, this.#handlesAfterMs];
    return accepts === undefined || handles === undefined ? undefined : Math.max(accepts, handles);
  }

  #noteProgress(): void {
    const now = performance.now();
    if (now >= this.#healedAt) this.#handlesAfterMs ??= now - this.#healedAt;
    const machineMs = machineNow();
    this.#standstillMachineMs = Math.max(this.#standstillMachineMs, machineMs - this.#handledAt);
    this.#handledAt = machineMs;
  }

  /** Messages whose outcome is unknown may come whenever the broker has them. */
  #outOfOrder(): number {
    const latest = new Map<string, number>();
    return this.#firstHandled.filter(({ id, key }) => {
      if (!this.#accepted.has(id)) return false;
      const before = latest.get(key) ?? 0;
      latest.set(key, Math.max(before, Number(id)));
      return Number(id) < before;
    }).length;
  }

  async #publish(key: { readonly key?: string }): Promise<void> {
    const inFlight = new Set<string>();
    for (;;) {
      await this.#room(inFlight);
      if (this.#isEnded) return;
      const messages = Array.from({ length: this.options.batch ?? 5 }, () => ({
        id: `${++this.#count}`,
        ...key,
        headers: {},
        body: Buffer.from('x'),
      }));
      const outcomes = await this.publisher.publish({ topic: this.topic }, messages, {
        deadlineMs: this.options.deadlineMs ?? 2_000,
      });
      outcomes.forEach((outcome, index) => this.#note(messages[index]?.id ?? '', outcome, inFlight));
      await new Promise((resolve) => setTimeout(resolve, 2)); // the machine is shared with the servers
    }
  }

  /** Resolves once the lane may publish. While all of them wait for what they have published, no acceptance is missing. */
  async #room(inFlight: ReadonlySet<string>): Promise<void> {
    const { maxInFlight = MAX_IN_FLIGHT } = this.options;
    if (inFlight.size < maxInFlight) return;
    this.#waitingLanes += 1;
    if (this.#waitingLanes === this.#lanes.length) this.#pausedAt = now();
    while (inFlight.size >= maxInFlight && !this.#isEnded)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (this.#waitingLanes === this.#lanes.length) {
      const { wallMs, machineMs } = now();
      this.#gapFrom = {
        wallMs: this.#gapFrom.wallMs + wallMs - this.#pausedAt.wallMs,
        machineMs: this.#gapFrom.machineMs + machineMs - this.#pausedAt.machineMs,
      };
    }
    this.#waitingLanes -= 1;
  }

  #note(id: string, outcome: PublishOutcome, inFlight: Set<string>): void {
    if (outcome.kind === 'accepted') {
      this.#accepted.add(id);
      // A spool holds what it has until a broker is back: it is no broker's lag.
      if (!this.#handled.has(id) && outcome.trail?.status !== 'spooled') {
        inFlight.add(id);
        this.#inFlight.set(id, inFlight);
      }
      if (outcome.trail?.attempts.some((attempt) => attempt.outcome === 'unknown'))
        this.#possiblyTwice.add(id);
      const { wallMs, machineMs } = now();
      this.#longestGap = {
        wallMs: Math.max(this.#longestGap.wallMs, wallMs - this.#gapFrom.wallMs),
        machineMs: Math.max(this.#longestGap.machineMs, machineMs - this.#gapFrom.machineMs),
      };
      this.#gapFrom = { wallMs, machineMs };
      if (Number(id) >= this.#firstAfter) this.#acceptsAfterMs ??= wallMs - this.#healedAt;
      return;
    }
    (outcome.kind === 'unknown' ? this.#unknown : this.#unavailable).add(id);
    this.#lastFailure = `${outcome.kind}: ${outcome.error.message}`;
  }
}

function now(): { readonly wallMs: number; readonly machineMs: number } {
  return { wallMs: performance.now(), machineMs: machineNow() };
}
