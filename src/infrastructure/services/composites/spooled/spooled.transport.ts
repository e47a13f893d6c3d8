import { randomUUID } from 'node:crypto';
import { MessagingConfigurationError, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { SteadyClock } from '../../../../core/messaging/transport-kit/steady-clock.js';
import { assertName } from '../../../../core/messaging/ports/names.js';
import type {
  Composite,
  CompositeState,
  Override,
} from '../../../../core/messaging/ports/composite-transport.js';
import type {
  Backlog,
  Consumer,
  Destination,
  Durability,
  OnDelivery,
  ProblemReporter,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  TransportProblem,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Inbox, OnReply, Replies } from '../../../../core/messaging/ports/replies.js';
import { ConnectionEvents } from '../members/connection-events.js';
import { Member } from '../members/member.js';
import { anyOf } from '../members/member-group.js';
import { MemberConsumers } from '../members/member-consumers.js';
import { isSubscribedOn, MemberInboxes, replyOver } from '../members/member-inboxes.js';
import { overrideMember } from '../members/overrides.js';
import { RateLimiter } from './rate-limiter.js';
import { tryInOrder, type PublishPolicy, type Target } from '../members/try-in-order.js';
import { publishGrouped } from '../members/publish-grouped.js';
import { SpoolGauge } from './spool-gauge.js';
import { SpoolLanes } from './spool-lanes.js';
import { laneOf } from './spool-record.js';
import { SpoolPipeline } from './spool-pipeline.js';
import type { SpooledOptions } from './spooled.options.js';
import { isStrict } from '../members/strict-order.js';
import { SwitchLog } from '../members/switch-log.js';

/** Longest wait for the transport at the start. Then messages are spooled until it is there. */
const START_WAIT_MS = 5_000;

/**
 * A transport with a spool: what it cannot take now is kept on another, durable one and sent in order once it works again.
 *
 * It owns both: it connects and closes them. It consumes from the first only.
 */
export class SpooledTransport implements Transport, Composite, Replies, ProblemReporter {
  readonly name: string;
  readonly system = 'spooled';
  readonly durability: Durability;
  readonly #target: Member;
  readonly #spool: Member;
  readonly #policy: PublishPolicy;
  readonly #anyOrder: SpoolPipeline;
  readonly #strictOrder: SpoolPipeline;
  readonly #gauge: SpoolGauge;
  readonly #switches: SwitchLog;
  readonly #events: ConnectionEvents;
  readonly #consumers = new Set<MemberConsumers>();
  readonly #inboxes = new Set<MemberInboxes>();
  readonly #problems: ProblemList;
  /** Shared by concurrent callers: what an earlier run has left must be counted once. */
  #connecting: Promise<void> | undefined;
  #isPaused = false;
  #endPause = (): void => undefined;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the spool is the transport itself, or would not survive the process. */
  constructor(
    transports: { readonly transport: Transport; readonly spool: Transport },
    options: SpooledOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    const { transport, spool } = transports;
    const problems = [
      ...(transport === spool ? [`Spooled transport "${this.name}" has itself for a spool.`] : []),
      ...(spool.durability === 'memory'
        ? [`The spool of "${this.name}" has to be durable, and "${spool.name}" is not.`]
        : []),
    ];
    if (problems.length > 0) throw new MessagingConfigurationError(problems);
    this.durability = transport.durability === 'memory' ? 'memory' : 'acknowledged';
    const { clock } = context;
    const { attemptTimeoutMs, onUnknown } = options;
    this.#policy = { attemptTimeoutMs, onUnknown: onUnknown === 'spool' ? 'next' : 'stop', clock };
    this.#events = new ConnectionEvents(context);
    this.#target = new Member(transport, options, clock, (state, cause) =>
      this.#changed(state === 'closed', cause),
    );
    this.#spool = new Member(spool, options, clock, (_, cause) => this.#reportState(cause));
    const lanes = { any: new SpoolLanes(), strict: new SpoolLanes() };
    const parts = {
      target: this.#target,
      member: this.#spool,
      pace: new RateLimiter(options.drainPerSecond, clock),
      run: randomUUID(),
      // What waits in the spool is due after a distance, which no step of the machine's clock changes.
      context: { ...context, clock: new SteadyClock(clock) },
      options,
      total: () => lanes.any.total + lanes.strict.total,
    };
    this.#anyOrder = new SpoolPipeline(undefined, lanes.any, parts);
    this.#strictOrder = new SpoolPipeline('strict', lanes.strict, parts);
    const spools = this.#ways.map((way) => way.spool);
    this.#gauge = new SpoolGauge({ spools, transport: spool, options, clock });
    this.#switches = new SwitchLog(context);
    this.#problems = new ProblemList((event) => context.onEvent(event));
  }

  problems(): readonly TransportProblem[] {
    return this.#problems.all();
  }

  get #ways(): readonly SpoolPipeline[] {
    return [this.#anyOrder, this.#strictOrder];
  }

  state(): CompositeState {
    return {
      active: [(this.#target.isHealthy ? this.#target : this.#spool).name],
      members: [this.#target.state, this.#spool.state],
      spool: { ...this.#gauge.state(), isPaused: this.#isPaused },
      ...this.#switches.state,
    };
  }

  members(): readonly Transport[] {
    return [this.#target.transport, this.#spool.transport];
  }

  override(override: Override): void {
    const { clock } = this.context;
    if (override.action === 'pause-spool') {
      this.#endPause();
      this.#isPaused = true;
      this.#endPause = clock.schedule(override.forMs, () => this.#resume());
      this.#turn(false);
    } else if (override.action === 'resume-spool') this.#resume();
    else overrideMember(override, this.name, [this.#target]);
  }

  #resume(): void {
    this.#endPause();
    this.#isPaused = false;
    this.#turn(this.#target.isHealthy);
  }

  #turn(isDraining: boolean): void {
    for (const { drain } of this.#ways) drain.turn(isDraining);
  }

  /** Resolves when the spool can be used; the transport itself is tried again by itself. */
  connect(): Promise<void> {
    if (this.#closing) return Promise.reject(this.#closedError());
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    await this.#spool.connect();
    for (const { spool } of this.#ways) await spool.open();
    const tried = this.#target
      .connect()
      .catch(() => undefined)
      .then(() => this.#begin());
    await settlesWithin(tried, START_WAIT_MS, this.context.clock);
    this.#begin();
  }

  #begin(): void {
    if (this.#closing) return;
    const { isHealthy } = this.#target;
    this.#turn(isHealthy && !this.#isPaused);
    this.#gauge.turn(!isHealthy);
    this.#reportState(undefined);
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#closing) return messages.map(() => ({ kind: 'unavailable', error: this.#closedError() }));
    if (messages.length === 0) return [];
    // By the time that a spool is sent, their askers have stopped waiting.
    if (options.isTransient)
      return this.#target.isHealthy
        ? this.#target.publish(to, messages, options)
        : messages.map(() => ({ kind: 'unavailable', error: this.#unspooledError() }));
    return publishGrouped(
      messages,
      (message) => this.#turnsFor(message, to, options),
      (turns, some) => tryInOrder(turns, { to, messages: some, options }, this.#policy),
    );
  }

  #turnsFor(message: WireMessage, to: Destination, options: PublishOptions): readonly Target[] {
    const { spool, straight, behind } = isStrict(message, options) ? this.#strictOrder : this.#anyOrder;
    if (!this.#target.isHealthy) return behind;
    const { key } = message;
    return key !== undefined && spool.lanes.total > 0 && spool.lanes.holds(laneOf(to, key))
      ? behind
      : straight;
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const consumers = new MemberConsumers(subscription, onDelivery, this.context, this.#problems);
    await consumers.startPatiently(this.#target);
    this.#consumers.add(consumers);
    return { stop: () => consumers.stop().finally(() => this.#consumers.delete(consumers)) };
  }

  /** On the transport itself, because the spool takes no requests. */
  async openInbox(onReply: OnReply): Promise<Inbox> {
    if (this.#closing) throw this.#closedError();
    const inboxes = new MemberInboxes(onReply, this.context);
    await inboxes.open([this.#target]);
    this.#inboxes.add(inboxes);
    return inboxes;
  }

  async reply(...call: Parameters<Replies['reply']>): Promise<PublishOutcome> {
    if (this.#closing) return { kind: 'unavailable', error: this.#closedError() };
    return replyOver([this.#target], this.name, call);
  }

  isSubscribed(topic: string): Promise<boolean> {
    return isSubscribedOn([this.#target], topic);
  }

  /** Without what is in the spool, which belongs to no group yet. */
  backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    return this.#target.transport.backlog(of);
  }

  /** Proves that a message could be taken, by the transport itself or by its spool unless that is nearly full. */
  async ping(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await anyOf(this.#gauge.isNearlyFull ? [this.#target] : [this.#target, this.#spool]);
  }

  close(): Promise<void> {
    this.#events.closing();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#endPause();
    for (const consumers of this.#consumers) void consumers.stop(); // no more tries; it waits for what is in flight
    for (const inboxes of this.#inboxes) void inboxes.close();
    await Promise.all(this.#ways.map(({ drain }) => drain.close()));
    await Promise.all([this.#target.close(), this.#spool.close()]);
    this.#events.closed();
  }

  #changed(isHealthy: boolean, cause: Error | undefined): void {
    if (this.#closing) return;
    this.#turn(isHealthy && !this.#isPaused);
    const names = [this.#target.name, this.#spool.name] as const;
    const [from, to] = isHealthy ? ([names[1], names[0]] as const) : names;
    this.#reportConsumers(isHealthy, cause);
    this.#switches.record(from, to, isHealthy ? 'it works again' : (cause ?? 'it failed'));
    this.#gauge.turn(!isHealthy);
    this.#reportState(cause);
  }

  /** Messages still go out, into the spool, but none comes. */
  #reportConsumers(isHealthy: boolean, cause: Error | undefined): void {
    for (const consumers of this.#consumers) {
      if (isHealthy) consumers.resumed(this.#target);
      else consumers.interrupted(this.#target, cause ?? new Error('It does not work.'));
    }
  }

  /** Connected means that messages can be taken. */
  #reportState(cause: Error | undefined): void {
    this.#events.report(this.#target.isHealthy || this.#spool.isHealthy, cause);
  }

  #unspooledError(): MessagingError {
    const text = `"${this.#target.name}" is unavailable, and "${this.name}" spools no requests, whose askers stop waiting.`;
    return new MessagingError('TRANSPORT_UNAVAILABLE', text);
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
