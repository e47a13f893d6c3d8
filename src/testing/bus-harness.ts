import { parseDuration } from '../config/units.js';
import type { AnyMessageType, PayloadOf } from '../core/messaging/message/message-type.js';
import type { MessagingView } from '../core/messaging/messaging.view.js';
import { unfakedClock } from '../core/messaging/ports/clock.js';
import type { DeadLetter } from '../core/messaging/ports/dead-letter-store.js';
import { type HandledMessage, type PlannedFailure, topicsOf } from './handler-runs.js';
import { NotSettledError, type Outage, SwitchyardHarness } from './harness.js';
import type { PublishedMessage } from './published-messages.js';
import type { SeverableTransport } from './severable-transport.js';
import type { TestBus } from './testing.options.js';
import { unsettled } from './unsettled.js';

const DEFAULT_PATIENCE_MS = 2_000;
/** `advance` waits this long for a handler that runs, and then takes it for one that hangs. */
const ADVANCE_PATIENCE_MS = 250;
/** Looks in a row that must find nothing, because a promise may need another turn of the event loop. */
const QUIET_LOOKS = 3;
const LOOK_INTERVAL_MS = 1;
/** How far apart the steps are in which the clock follows that of the machine while the application closes. */
const CLOSING_STEP_MS = 20;

/** The harness of one bus. */
export class BusHarness extends SwitchyardHarness {
  #view: MessagingView | undefined;
  #isClosed = false;
  readonly #severing = new Set<Promise<void>>();

  constructor(private readonly bus: TestBus) {
    super();
  }

  /** Called once handlers consume. */
  started(view: MessagingView): void {
    this.#view = view;
  }

  /** Called as the application begins to close: waits of the bus end by themselves now. */
  closing(view: MessagingView): void {
    this.#isClosed = true;
    const follow = (): void => {
      if (view.state() === 'stopped') return;
      const moved = this.bus.clock.advance(CLOSING_STEP_MS).catch(() => undefined);
      void moved.then(() => unfakedClock.schedule(CLOSING_STEP_MS, follow));
    };
    follow();
  }

  now(): number {
    return this.bus.clock.now();
  }

  async settled({ withinMs = DEFAULT_PATIENCE_MS }: { readonly withinMs?: number } = {}): Promise<void> {
    this.#assertRunning('settled');
    const endsAt = unfakedClock.monotonic() + withinMs;
    for (let quiet = 0; quiet < QUIET_LOOKS;) {
      await this.bus.clock.advance(0);
      const left = await this.#left();
      quiet = left.length === 0 ? quiet + 1 : 0;
      if (left.length === 0) continue;
      if (unfakedClock.monotonic() >= endsAt) throw new NotSettledError(withinMs, left);
      await pause(LOOK_INTERVAL_MS);
    }
  }

  async advance(time: number | string): Promise<void> {
    this.#assertRunning('advance');
    await this.bus.clock.advance(millisecondsOf(time), () => this.#workDone());
  }

  published<TType extends AnyMessageType>(type: TType): PublishedMessage<PayloadOf<TType>>[] {
    return this.bus.published.of(type);
  }

  handled<TType extends AnyMessageType>(type: TType): HandledMessage<PayloadOf<TType>>[] {
    return this.bus.runs.handled(type);
  }

  deadLetters(type?: AnyMessageType): DeadLetter[] {
    const topics = type && topicsOf(type);
    return this.bus.deadLetters
      .all()
      .filter(({ status }) => status === 'failed' || status === 'replaying')
      .filter(({ topic }) => topics === undefined || topics.includes(topic));
  }

  failNext(type: AnyMessageType, failure: PlannedFailure = {}): void {
    const view = this.#assertRunning('failNext');
    const topics = topicsOf(type);
    const groups = view.subscriptions().flatMap(({ to }) => (topics.includes(to.topic) ? [to.group] : []));
    const { group, times = 1 } = failure;
    if (!(Number.isInteger(times) && times > 0))
      throw new RangeError(
        `Option times of failNext is ${times}. It is a whole number of 1 or more attempts.`,
      );
    if (groups.length === 0)
      throw new Error(`No handler of "${type.name}" runs here. Import the module that provides it.`);
    if (group !== undefined && !groups.includes(group))
      throw new Error(
        `No handler of "${type.name}" is in the group "${group}". There are ${groups.join(', ')}.`,
      );
    this.bus.runs.failNext(type, failure);
  }

  outage(transport: string): Outage {
    const { brokers } = this.bus.transports;
    const broker = brokers.get(transport);
    if (!broker)
      throw new Error(
        `There is no transport "${transport}" that can be taken away. There are ${[...brokers.keys()].join(', ')}.`,
      );
    void this.#change(broker.sever());
    return { restore: () => this.#restore(broker) };
  }

  clear(): void {
    this.bus.published.clear();
    this.bus.runs.clear();
  }

  #left(): Promise<readonly string[]> {
    if (this.#severing.size === 0) return unsettled(this.bus);
    return Promise.resolve(['a transport is being taken away or restored']);
  }

  #restore(broker: SeverableTransport): Promise<void> {
    return broker.isCut ? this.#change(broker.restore()) : Promise.resolve();
  }

  #change(change: Promise<void>): Promise<void> {
    const done = change.finally(() => this.#severing.delete(done));
    this.#severing.add(done);
    return done;
  }

  /** Waits for handlers that run; those that do not end within a moment are not waited for again. */
  async #workDone(): Promise<void> {
    const { runs, published } = this.bus;
    const endsAt = unfakedClock.monotonic() + ADVANCE_PATIENCE_MS;
    while (runs.unfinished.length > 0 || published.pending > 0) {
      if (unfakedClock.monotonic() >= endsAt) {
        runs.giveUp();
        return;
      }
      await pause(LOOK_INTERVAL_MS);
    }
  }

  #assertRunning(method: string): MessagingView {
    if (this.#isClosed)
      throw new Error(`${method}() was called, but the application is closed. Call it before app.close().`);
    if (!this.#view)
      throw new Error(
        `${method}() was called, but no handler consumes yet. Call \`await app.init()\` after \`compile()\` first.`,
      );
    return this.#view;
  }
}

function millisecondsOf(time: number | string): number {
  const ms = typeof time === 'string' ? parseDuration(time) : time;
  if (ms !== undefined && ms >= 0 && ms < Infinity) return ms;
  throw new RangeError(
    `Time cannot move by ${JSON.stringify(time)}. Give milliseconds, or text such as "500ms", "30s", "5m", "2h" or "7d".`,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void unfakedClock.schedule(ms, resolve));
}
