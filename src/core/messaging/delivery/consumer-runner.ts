import { backoffMs } from '../transport-kit/backoff.js';
import { allInside } from '../ports/composite-transport.js';
import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { DeliveryProcessor } from './delivery-processor.js';
import type { Load } from './delivery-in-progress.js';
import { answers, type RequestProcessor } from './request-processor.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { ConsumerProblems, type Why } from './consumer-problems.js';
import type { MessagingEvent } from '../observing/events.js';
import type { ReportedProblem, SubscriptionView } from '../messaging.view.js';
import {
  type Clock,
  CONSUMER_INTERRUPTED,
  type Consumer,
  type Delivery,
  reportsProblems,
  type Settlement,
  type Transport,
} from '../ports/transport.js';

const RESTART_BACKOFF = { minMs: 500, maxMs: 10_000 } as const;
/** A start that has no answer for so long is reported. It continues, because transports limit their own waits. */
const ANSWER_MS = 15_000;
const NO_ANSWER: Why = { reason: 'DEADLINE_EXCEEDED', sentence: `No answer for ${ANSWER_MS / 1_000} s.` };
/** How often slots are checked. */
const CHECK_MS = 5_000;
/** A handler may end this much later than its timeout says before its consumer counts as stuck. */
const STUCK_GRACE_MS = 15_000;

/** Serves one handler from one transport. */
class Served {
  consumer: Consumer | undefined;
  state: 'starting' | 'running' | 'stopped' = 'starting';
  /** Ends the wait before the next start. */
  cancelRestart = (): void => undefined;

  constructor(
    readonly entry: HandlerEntry,
    readonly transport: Transport,
    readonly slots: SharedSlots,
  ) {}

  /** Resolves after the time, or when the wait is ended. */
  restartAfter(delayMs: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.schedule(delayMs, resolve);
      this.cancelRestart = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Ceiling over the consumers of one handler, which has one consumer a transport. */
class SharedSlots implements Load {
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  #ends = 0;
  #endsSeen = 0;
  #fullSince: number | undefined;

  constructor(private readonly limit: number) {}

  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const hasFreed = active < this.#active;
    this.#active = active;
    if (!hasFreed) return;
    this.#ends += 1;
    this.#waiting.shift()?.();
  }

  /**
   * For how long every slot has been in use without one delivery ending, in milliseconds. Called at intervals: it
   * compares with the call before, because a clock reading for each delivery would cost more than all the counting.
   *
   * @param now on the monotonic clock.
   */
  stuckMs(now: number): number {
    const isMoving = !this.isFull || this.#ends !== this.#endsSeen;
    this.#endsSeen = this.#ends;
    if (isMoving || this.#fullSince === undefined) this.#fullSince = now;
    return now - this.#fullSince;
  }

  get isFull(): boolean {
    return this.#active >= this.limit;
  }

  /** Resolves when a slot may be free. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** What starting and watching consumers needs. */
export interface ConsumerRunnerOptions {
  readonly deliveries: Pick<DeliveryProcessor, 'process'>;
  readonly requests: Pick<RequestProcessor, 'process'>;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
  /** Whether the transport of this name has lost its broker, as far as it has reported. */
  readonly isDown: (transport: string) => boolean;
}

/** Starts a consumer for every handler on every transport that may hold its messages, and stops them all. */
export class ConsumerRunner {
  readonly #served: readonly Served[];
  readonly #deliveries: ConsumerRunnerOptions['deliveries'];
  readonly #requests: ConsumerRunnerOptions['requests'];
  readonly #clock: Clock;
  readonly #emit: (event: MessagingEvent) => void;
  readonly #isDown: (transport: string) => boolean;
  readonly #problems: ConsumerProblems;
  #cancelCheck: (() => void) | undefined;
  #isStopped = false;

  /** @param transportsOf where a topic's messages may be, the routed transport first. */
  constructor(
    entries: readonly HandlerEntry[],
    transportsOf: (topic: string) => readonly Transport[],
    { deliveries, requests, clock, emit, isDown }: ConsumerRunnerOptions,
  ) {
    this.#deliveries = deliveries;
    this.#requests = requests;
    this.#clock = clock;
    this.#emit = emit;
    this.#isDown = isDown;
    this.#problems = new ConsumerProblems((transport, event) =>
      emit({ type: 'transport', transport, event }),
    );
    this.#served = entries.flatMap((entry) => {
      const slots = new SharedSlots(entry.concurrency);
      return transportsOf(entry.topic).map((transport) => new Served(entry, transport, slots));
    });
  }

  subscriptions(): SubscriptionView[] {
    const interrupted = this.#interrupted();
    return this.#served.map(({ entry, transport, slots, state }) => ({
      to: entry,
      transport: transport.name,
      concurrency: entry.concurrency,
      active: slots.active,
      state:
        state === 'running' && (this.#isDown(transport.name) || interrupted.has(placeOf(transport, entry)))
          ? 'interrupted'
          : state,
    }));
  }

  /** What keeps consumers from their messages, as far as the core sees it. */
  problems(): readonly ReportedProblem[] {
    return this.#problems.all();
  }

  /** Starts what is to be consumed from this transport, which is connected. Rejects when a consumer cannot start. */
  async start(transport: Transport): Promise<void> {
    await Promise.all(this.#toStart(transport).map((served) => this.#startOne(served)));
    this.#checkLater();
  }

  /** As {@link start}, but tries every consumer until it starts or all are stopped. Never rejects. */
  async startPatiently(transport: Transport): Promise<void> {
    this.#checkLater();
    await Promise.all(this.#toStart(transport).map((served) => this.#keepStarting(served)));
  }

  /**
   * The transport cannot be connected, so what is to be consumed from it cannot start; it is tried again. Returns false
   * where nothing is.
   */
  unreachable(transport: Transport, error: unknown): boolean {
    const waiting = this.#toStart(transport);
    for (const { entry } of waiting) this.#problems.notStarted(transport.name, entry, whyOf(error));
    return waiting.length > 0;
  }

  /** Ends intake everywhere, then resolves when every delivery in flight is settled. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelCheck?.();
    await Promise.all(
      this.#served.map(async (served) => {
        const wasRunning = served.state === 'running';
        served.state = 'stopped';
        served.cancelRestart();
        this.#problems.stopped(served.transport.name, served.entry);
        await served.consumer?.stop();
        if (wasRunning) this.#emit({ type: 'consumer', to: served.entry, change: 'stopped' });
      }),
    );
  }

  #toStart(transport: Transport): Served[] {
    return this.#served.filter((served) => served.transport === transport && served.state === 'starting');
  }

  async #keepStarting(served: Served): Promise<void> {
    const { entry, transport } = served;
    for (let failures = 0; served.state === 'starting'; failures += 1) {
      try {
        await this.#startOne(served);
      } catch (error) {
        if (this.#isStopped) return;
        this.#problems.notStarted(transport.name, entry, whyOf(error));
        await served.restartAfter(backoffMs(failures, RESTART_BACKOFF), this.#clock);
      }
    }
  }

  async #startOne(served: Served): Promise<void> {
    const { entry, transport } = served;
    const cancelReport = this.#clock.schedule(ANSWER_MS, () =>
      this.#problems.notStarted(transport.name, entry, NO_ANSWER),
    );
    const consuming = transport.consume(entry, (delivery) => this.#deliver(served, delivery));
    const consumer = await consuming.finally(cancelReport);
    served.consumer = consumer;
    this.#problems.started(transport.name, entry);
    // The shutdown may have come while the consumer was being set up.
    if (this.#isStopped) {
      await consumer.stop();
      return;
    }
    served.state = 'running';
    this.#emit({ type: 'consumer', to: served.entry, change: 'started' });
  }

  /** Topic and group of the consumers that their transport reports as interrupted. */
  #interrupted(): ReadonlySet<string> {
    const places = new Set<string>();
    for (const transport of new Set(this.#served.map((served) => served.transport))) {
      for (const inside of allInside([transport])) {
        const problems = reportsProblems(inside) ? inside.problems() : [];
        for (const { code, topic = '', group = '' } of problems)
          if (code === CONSUMER_INTERRUPTED) places.add(placeOf(transport, { topic, group }));
      }
    }
    return places;
  }

  #checkLater(): void {
    if (this.#isStopped || this.#cancelCheck) return;
    this.#cancelCheck = this.#clock.schedule(CHECK_MS, () => {
      this.#cancelCheck = undefined;
      this.#checkSlots();
      this.#checkLater();
    });
  }

  #checkSlots(): void {
    const now = this.#clock.monotonic();
    const checked = new Map<SharedSlots, number>();
    for (const { entry, transport, slots } of this.#served) {
      // A handler without a timeout may run for as long as it likes.
      if (entry.timeoutMs === 0) continue;
      const stuckMs = checked.get(slots) ?? slots.stuckMs(now);
      checked.set(slots, stuckMs);
      const limitMs = entry.timeoutMs + STUCK_GRACE_MS;
      if (stuckMs >= limitMs) this.#problems.stuck(transport.name, entry, limitMs);
      else this.#problems.moving(transport.name, entry);
    }
  }

  #deliver({ entry, slots }: Served, delivery: Delivery): Promise<Settlement> {
    // Only a handler with several transports ever finds its slots full: each transport keeps the ceiling by itself.
    return slots.isFull ? this.#deliverLater(entry, slots, delivery) : this.#process(entry, delivery, slots);
  }

  #process(entry: HandlerEntry, delivery: Delivery, slots: SharedSlots): Promise<Settlement> {
    return answers(entry)
      ? this.#requests.process(entry, delivery, slots)
      : this.#deliveries.process(entry, delivery, slots);
  }

  async #deliverLater(entry: HandlerEntry, slots: SharedSlots, delivery: Delivery): Promise<Settlement> {
    while (slots.isFull) await slots.wait();
    return this.#process(entry, delivery, slots);
  }
}

function placeOf(transport: Transport, { topic, group }: Pick<HandlerEntry, 'topic' | 'group'>): string {
  return JSON.stringify([transport.name, topic, group]);
}

/** Our own errors are written without secrets; of others only the code is shown. */
function whyOf(error: unknown): Why {
  const reason = errorCodeOf(error);
  return { reason, sentence: error instanceof MessagingError ? error.message : `${reason}.` };
}
