import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  Clock,
  Destination,
  PublishOptions,
  PublishOutcome,
  Subscription,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Member } from '../members/member.js';
import type { Target } from '../members/try-in-order.js';
import type { SpoolLanes } from './spool-lanes.js';
import { type Address, laneOf, wrap } from './spool-record.js';
import type { SpooledOptions } from './spooled.options.js';

/** The age of the oldest message is read again after this long. */
const AGE_REFRESH_MS = 1_000;
const NOTHING_YET = { kind: 'retry', delayMs: 0, countsAttempt: false } as const;

interface SpoolContext {
  /** Of the transport that the spool is for. */
  readonly name: string;
  /** Where in the spool's transport it is kept. */
  readonly topic: string;
  /** All that is spooled, here and elsewhere, which is what `maxMessages` bounds. */
  readonly total: () => number;
  /** This run of the application. */
  readonly run: string;
  readonly clock: Clock;
  readonly options: Pick<SpooledOptions, 'maxMessages' | 'maxAgeMs'>;
}

/** Takes messages that cannot be sent now, on a transport of its own, with where they are to go. */
export class Spool implements Target {
  readonly subscription: Subscription;
  #oldest = { ageMs: 0, at: -Infinity };
  #isLooking = false;
  #writing = 0;
  #written = 0;

  constructor(
    readonly member: Member,
    readonly lanes: SpoolLanes,
    private readonly context: SpoolContext,
  ) {
    this.subscription = {
      topic: context.topic,
      group: 'drain',
      concurrency: 256,
      ordering: 'key',
    };
  }

  get name(): string {
    return this.member.name;
  }

  get transport(): Member['transport'] {
    return this.member.transport;
  }

  /** Milliseconds, of a moment ago. */
  get oldestAgeMs(): number {
    if (this.lanes.total === 0) return 0;
    this.#look();
    return this.#oldest.ageMs;
  }

  /** Finds what an earlier run has left. Rejects when the transport cannot be used. */
  async open(): Promise<void> {
    const { ready, inFlight, delayed, oldestAgeMs } = await this.transport.backlog(this.subscription);
    this.lanes.found(ready + inFlight + delayed);
    this.#oldest = { ageMs: oldestAgeMs ?? 0, at: this.context.clock.monotonic() };
    if (this.lanes.total > 0) return;
    // A group that has consumed once keeps what comes; before, a transport may forget messages that are read too late.
    const consumer = await this.transport.consume(this.subscription, () => Promise.resolve(NOTHING_YET));
    await consumer.stop();
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    { delayMs, deadlineMs }: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const { clock, options, run } = this.context;
    const isTooOld = this.oldestAgeMs > options.maxAgeMs;
    const room = isTooOld ? 0 : Math.max(0, options.maxMessages - this.context.total());
    const startedAt = clock.monotonic();
    const dueAt = delayMs === undefined ? undefined : Math.ceil(clock.now() + delayMs);
    const lanes: (string | undefined)[] = [];
    const wrapped = messages.slice(0, room).map((message) => {
      const { key } = message;
      const lane = key === undefined ? undefined : laneOf(to, key);
      const address: Address = {
        to,
        run,
        ...(key === undefined ? {} : { key }),
        ...(dueAt === undefined ? {} : { dueAt }),
      };
      lanes.push(lane);
      this.lanes.added(lane); // before it is written, so that what comes meanwhile goes behind it
      return wrap(message, lane, address);
    });
    const { topic } = this.subscription;
    this.#writing += 1;
    const outcomes =
      wrapped.length === 0 ? [] : await this.member.publish({ topic }, wrapped, { deadlineMs });
    this.#writing -= 1;
    this.#written += 1;
    const durationMs = Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000;
    return messages.map((_, index) => {
      const outcome: PublishOutcome =
        index < wrapped.length ? (outcomes[index] ?? this.#silent()) : this.#full(isTooOld);
      if (index < wrapped.length && outcome.kind !== 'accepted' && outcome.kind !== 'unknown')
        this.lanes.removed(lanes[index], true);
      return this.#withTrail(outcome, durationMs);
    });
  }

  /** A message that does not fit into the spool may fit into its target, so it is unavailable and not refused. */
  #withTrail(outcome: PublishOutcome, durationMs: number): PublishOutcome {
    const kind = outcome.kind === 'refused' ? 'unavailable' : outcome.kind;
    const errorCode = outcome.kind === 'accepted' ? undefined : errorCodeOf(outcome.error);
    const { name, durability } = this.transport;
    const attempt = { transport: name, outcome: kind, durationMs };
    const trail = {
      transport: name,
      status: 'spooled' as const,
      durability,
      attempts: [errorCode === undefined ? attempt : { ...attempt, errorCode }],
    };
    return { ...outcome, kind, trail } as PublishOutcome;
  }

  #full(isTooOld: boolean): PublishOutcome {
    const { name, options } = this.context;
    const why = isTooOld
      ? `its oldest message has waited for more than ${options.maxAgeMs} ms`
      : `${options.maxMessages} messages wait in it`;
    const text = `The spool of "${name}" takes no more: ${why}. See what keeps its transport from working.`;
    return { kind: 'unavailable', error: new MessagingError('TRANSPORT_FULL', text) };
  }

  #silent(): PublishOutcome {
    const text = `Transport "${this.name}" did not answer for a message; it may or may not be spooled.`;
    return { kind: 'unknown', error: new MessagingError('DEADLINE_EXCEEDED', text) };
  }

  #look(): void {
    const { clock } = this.context;
    if (this.#isLooking || clock.monotonic() - this.#oldest.at < AGE_REFRESH_MS) return;
    this.#isLooking = true;
    const written = this.#written;
    this.transport
      .backlog(this.subscription)
      .then(({ ready, inFlight, delayed, oldestAgeMs }) => {
        this.#oldest = { ageMs: oldestAgeMs ?? 0, at: clock.monotonic() };
        // Writes with an unknown outcome have turned out not to be there.
        const isEmpty = ready + inFlight + delayed === 0;
        if (isEmpty && this.#writing === 0 && written === this.#written) this.lanes.clear();
      })
      .catch(() => undefined) // the next publish reports what is wrong
      .finally(() => (this.#isLooking = false));
  }
}
