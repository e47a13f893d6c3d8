import { backoffMs } from '../transport-kit/backoff.js';
import { allInside } from '../ports/composite-transport.js';
import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { HandOver } from './delivery-in-progress.js';
import type { DeliveryProcessor } from './delivery-processor.js';
import { answers, type RequestProcessor } from './request-processor.js';
import { hasKillSwitch, type HandlerEntry } from '../handlers/handler-entry.js';
import { ConsumerProblems, type Why } from './consumer-problems.js';
import { KillSwitch } from './kill-switch.js';
import type { MessagingEvent } from '../observing/events.js';
import type { ReportedProblem, SubscriptionView } from '../messaging.view.js';
import { Served, type ServedHandler } from './served.js';
import { SharedSlots } from './shared-slots.js';
import { ProcessAllotment, type RateAllotment, StartRate } from './start-rate.js';
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

/** What starting and watching consumers needs. */
export interface ConsumerRunnerOptions {
  readonly deliveries: Pick<DeliveryProcessor, 'process'>;
  readonly requests: Pick<RequestProcessor, 'process'>;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
  /** Whether the transport of this name has lost its broker, as far as it has reported. */
  readonly isDown: (transport: string) => boolean;
  /** Who shares the rate of a group. @default this process alone */
  readonly allotmentOf?: ((entry: HandlerEntry) => RateAllotment) | undefined;
}

/** What is asked of the consumers of a group, apart from what its handler says. */
export interface ConsumerLimits {
  readonly isPaused: boolean;
  readonly concurrency?: number | undefined;
  readonly ratePerSecond?: number | undefined;
}

/** Starts a consumer for every handler on every transport that may hold its messages, pauses, resumes and stops them. */
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
    { deliveries, requests, clock, emit, isDown, allotmentOf }: ConsumerRunnerOptions,
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
      const allotment = allotmentOf?.(entry) ?? new ProcessAllotment(clock);
      const handler: ServedHandler = {
        entry,
        slots: new SharedSlots(entry.concurrency),
        rate: new StartRate(allotment, clock),
        killSwitch: hasKillSwitch(entry) ? new KillSwitch(entry, clock, emit) : undefined,
      };
      return transportsOf(entry.topic).map((transport) => new Served(handler, transport));
    });
  }

  subscriptions(): SubscriptionView[] {
    const interrupted = this.#interrupted();
    return this.#served.map(({ entry, transport, slots, state, killSwitch }) => ({
      to: entry,
      transport: transport.name,
      concurrency: slots.limit,
      ordering: entry.ordering,
      active: slots.active,
      state:
        state === 'running' && (this.#isDown(transport.name) || interrupted.has(placeOf(transport, entry)))
          ? 'interrupted'
          : state,
      ...(killSwitch && { killSwitch: killSwitch.state }),
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

  /**
   * Applies limits to a group. A consumer that pauses takes nothing more and settles what it has; its messages stay on
   * their broker. One whose concurrency changes is started again.
   */
  limit({ topic, group }: Pick<HandlerEntry, 'topic' | 'group'>, limits: ConsumerLimits): void {
    const { isPaused, ratePerSecond } = limits;
    for (const served of this.#served) {
      const { entry, slots, rate } = served;
      if (entry.topic !== topic || entry.group !== group) continue;
      const concurrency = limits.concurrency ?? entry.concurrency;
      slots.limit = concurrency;
      rate.set(ratePerSecond);
      served.wanted = { isPaused, concurrency };
      this.#adjust(served);
    }
  }

  /** Ends intake everywhere, until the process ends. Resolves when every delivery in flight is settled. */
  async drain(): Promise<void> {
    for (const served of this.#served) {
      served.isDrained = true;
      this.#adjust(served);
    }
    await Promise.all(this.#served.map((served) => served.leaving));
  }

  /** Ends intake everywhere, then resolves when every delivery in flight is settled. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelCheck?.();
    await Promise.all(
      this.#served.map(async (served) => {
        const wasRunning = served.state === 'running';
        const stopping = this.#leave(served, 'stopped');
        served.killSwitch?.stop();
        this.#problems.stopped(served.transport.name, served.entry);
        await stopping;
        if (wasRunning) this.#emit({ type: 'consumer', to: served.entry, change: 'stopped' });
      }),
    );
  }

  #toStart(transport: Transport): Served[] {
    return this.#served.filter((served) => served.transport === transport && served.state === 'starting');
  }

  /** Makes the consumer what is wanted of it now. */
  #adjust(served: Served): void {
    const { state, wanted, rest, isResting } = served;
    if (this.#isStopped || state === 'stopped') return;
    if (rest !== undefined) {
      if (isResting) served.state = rest;
      else void this.#rest(served, rest);
      return;
    }
    const isOther = state === 'running' && served.consumedWith !== wanted.concurrency;
    if (isOther) void this.#rest(served, 'starting');
    if (isResting) served.state = 'starting';
    if (isOther || isResting) void this.#keepStarting(served);
  }

  async #rest(served: Served, state: 'paused' | 'drained' | 'starting'): Promise<void> {
    const wasRunning = served.state === 'running';
    const leaving = this.#leave(served, state);
    if (state !== 'starting') this.#problems.stopped(served.transport.name, served.entry);
    // Its transport reports why it cannot stop; nothing is delivered to a departure any more.
    await leaving.catch(() => undefined);
    if (wasRunning) this.#emit({ type: 'consumer', to: served.entry, change: 'stopped' });
  }

  /** Takes the consumer out of service. Resolves when every delivery in flight is settled. */
  #leave(served: Served, state: Served['state']): Promise<void> {
    const { consumer, leaving } = served;
    served.state = state;
    served.consumer = undefined;
    served.departure.leave();
    served.cancelRestart();
    if (!consumer) return leaving;
    const stopping = consumer.stop();
    served.leaving = Promise.allSettled([leaving, stopping]).then(() => undefined);
    return Promise.all([leaving, stopping]).then(() => undefined);
  }

  async #keepStarting(served: Served): Promise<void> {
    const { entry, transport, turn } = served;
    for (let failures = 0; served.isTurn(turn); failures += 1) {
      try {
        await this.#startOne(served);
        return;
      } catch (error) {
        if (this.#isStopped || !served.isTurn(turn)) return;
        this.#problems.notStarted(transport.name, entry, whyOf(error));
        await served.restartAfter(backoffMs(failures, RESTART_BACKOFF), this.#clock);
      }
    }
  }

  async #startOne(served: Served): Promise<void> {
    const { entry, transport, wanted, turn } = served;
    // Two consumers of one handler would disturb the order of keys.
    await served.leaving;
    if (!served.isTurn(turn)) return;
    const departure = served.arrive();
    const cancelReport = this.#clock.schedule(ANSWER_MS, () =>
      this.#problems.notStarted(transport.name, entry, NO_ANSWER),
    );
    const subscription = { ...entry, concurrency: wanted.concurrency };
    const consuming = transport.consume(subscription, (delivery) =>
      this.#deliver(served, departure, delivery),
    );
    const consumer = await consuming.finally(cancelReport);
    // A pause or the shutdown may have come while the consumer was being set up.
    if (!served.isTurn(turn)) {
      departure.leave();
      await this.#stopLate(served, consumer);
      return;
    }
    served.consumer = consumer;
    served.consumedWith = wanted.concurrency;
    this.#problems.started(transport.name, entry);
    served.state = 'running';
    this.#emit({ type: 'consumer', to: served.entry, change: 'started' });
    this.#adjust(served);
  }

  async #stopLate(served: Served, consumer: Consumer): Promise<void> {
    const stopped = consumer.stop();
    served.leaving = Promise.allSettled([served.leaving, stopped]).then(() => undefined);
    await stopped;
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

  #deliver(served: Served, departure: Served['departure'], delivery: Delivery): Promise<Settlement> {
    const { entry, slots, rate, killSwitch } = served;
    if (killSwitch || rate.isSet) return this.#deliverInTurn(served, departure, delivery);
    // Only a handler with several transports ever finds its slots full: each transport keeps the ceiling by itself.
    return slots.isFull
      ? this.#deliverLater(served, delivery)
      : this.#process(entry, delivery, { load: slots });
  }

  #process(entry: HandlerEntry, delivery: Delivery, handOver: HandOver): Promise<Settlement> {
    return answers(entry)
      ? this.#requests.process(entry, delivery, handOver)
      : this.#deliveries.process(entry, delivery, handOver);
  }

  async #deliverLater({ entry, slots }: Served, delivery: Delivery): Promise<Settlement> {
    while (slots.isFull) await slots.wait();
    return this.#process(entry, delivery, { load: slots });
  }

  /** Waits for the rate, and for the kill switch, which may hand the message to the handler several times. */
  async #deliverInTurn(
    served: Served,
    departure: Served['departure'],
    delivery: Delivery,
  ): Promise<Settlement> {
    const { entry, slots, rate, killSwitch } = served;
    await rate.enter(departure);
    if (!killSwitch) return this.#deliverLater(served, delivery);
    for (let isAgain = false; ; isAgain = true) {
      const entering = killSwitch.enter(departure, { isAgain });
      const pass = entering instanceof Promise ? await entering : entering;
      if (!pass) return killSwitch.giveBack;
      while (slots.isFull) await slots.wait();
      const settlement = await this.#process(entry, delivery, { load: slots, pass });
      killSwitch.ended(pass);
      // While the switch is open the message stays here, and in front, instead of going back to its broker.
      if (!pass.hasFailed || !killSwitch.isOpen) return settlement;
    }
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
