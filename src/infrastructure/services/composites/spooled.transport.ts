import { randomUUID } from 'node:crypto';
import { MessagingConfigurationError, MessagingError } from '../../../core/messaging/messaging.errors.js';
import { assertName } from '../../../core/messaging/transport-kit/limits.js';
import type {
  Backlog,
  Composite,
  CompositeState,
  Consumer,
  Destination,
  Durability,
  OnDelivery,
  Override,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/transport.js';
import { Member } from './member.js';
import { anyOf } from './member-group.js';
import { MemberConsumers } from './member-consumers.js';
import { overrideMember } from './overrides.js';
import { Pace } from './pace.js';
import { publishByTurns } from './publish-by-turns.js';
import { Spool } from './spool.js';
import { SpoolDrain } from './spool-drain.js';
import { laneOf } from './spool-record.js';
import type { SpooledOptions } from './spooled.options.js';

/**
 * A transport with a spool: what it cannot take now is kept on another, durable one and sent in order once it works again.
 *
 * It owns both: it connects and closes them. It consumes from the first only.
 */
export class SpooledTransport implements Transport, Composite {
  readonly name: string;
  readonly system = 'spooled';
  readonly durability: Durability;
  readonly #target: Member;
  readonly #spool: Spool;
  readonly #drain: SpoolDrain;
  readonly #consumers = new Set<Consumer>();
  /** Once for everybody who asks: what an earlier run has left must be counted once. */
  #connecting: Promise<void> | undefined;
  #isConnected = false;
  #isPaused = false;
  #endPause = (): void => undefined;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the spool is the transport itself, or would not survive the process. */
  constructor(
    transports: { readonly transport: Transport; readonly spool: Transport },
    private readonly options: SpooledOptions,
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
    const run = randomUUID();
    const { clock } = context;
    this.#target = new Member(transport, options, clock, (state, cause) =>
      this.#changed(state === 'closed', cause),
    );
    const member = new Member(spool, options, clock, (_, cause) => this.#tellState(cause));
    this.#spool = new Spool(member, { name: this.name, run, clock, options });
    this.#drain = new SpoolDrain({
      spool: this.#spool,
      target: this.#target,
      pace: new Pace(options.drainPerSecond, clock),
      run,
      context,
    });
  }

  state(): CompositeState {
    const { lanes, oldestAgeMs, member } = this.#spool;
    const { maxMessages } = this.options;
    return {
      active: [(this.#target.works ? this.#target : member).name],
      members: [this.#target.state, member.state],
      spool: { messages: lanes.total, maxMessages, oldestAgeMs, isPaused: this.#isPaused },
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
      this.#drain.turn(false);
    } else if (override.action === 'resume-spool') this.#resume();
    else overrideMember(override, this.name, [this.#target]);
  }

  #resume(): void {
    this.#endPause();
    this.#isPaused = false;
    this.#drain.turn(this.#target.works);
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
    await this.#spool.open();
    await this.#target.connect().catch(() => undefined);
    this.#drain.turn(this.#target.works);
    this.#tellState(undefined);
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#closing) return messages.map(() => ({ kind: 'unavailable', error: this.#closedError() }));
    if (messages.length === 0) return [];
    const policy = {
      attemptTimeoutMs: this.options.attemptTimeoutMs,
      onUnknown: this.options.onUnknown === 'spool' ? ('next' as const) : ('stop' as const),
      clock: this.context.clock,
    };
    const send = (some: readonly WireMessage[], isWaiting: boolean): Promise<readonly PublishOutcome[]> =>
      publishByTurns(
        isWaiting ? [this.#spool] : [this.#target, this.#spool],
        { to, messages: some, options },
        policy,
      );
    if (!this.#target.works) return send(messages, true);
    if (this.#spool.lanes.total === 0) return send(messages, false);
    const waits = messages.map(({ key }) => key !== undefined && this.#spool.lanes.holds(laneOf(to, key)));
    if (!waits.includes(true)) return send(messages, false);
    const some = (isWaiting: boolean): Promise<readonly PublishOutcome[]> =>
      send(
        messages.filter((_, index) => waits[index] === isWaiting),
        isWaiting,
      );
    const [behind, direct] = await Promise.all([some(true), some(false)]);
    const next = { behind: behind.values(), direct: direct.values() };
    return waits.map((isWaiting) => (isWaiting ? next.behind : next.direct).next().value as PublishOutcome);
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const consumers = new MemberConsumers(subscription, onDelivery, this.context);
    await consumers.start([this.#target], true);
    this.#consumers.add(consumers);
    return { stop: () => consumers.stop().finally(() => this.#consumers.delete(consumers)) };
  }

  /** Without what is in the spool, which belongs to no group yet. */
  backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    return this.#target.transport.backlog(of);
  }

  /** Proves that a message could be taken, by the transport itself or by its spool. */
  async ping(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await anyOf(this.#spool.isFull ? [this.#target] : [this.#target, this.#spool.member]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#endPause();
    for (const consumers of this.#consumers) void consumers.stop(); // no more tries; it waits for what is in hand
    await this.#drain.close();
    await Promise.all([this.#target.close(), this.#spool.member.close()]);
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }

  #changed(works: boolean, cause: Error | undefined): void {
    if (this.#closing) return;
    this.#drain.turn(works && !this.#isPaused);
    const names = [this.#target.name, this.#spool.name] as const;
    const [from, to] = works ? ([names[1], names[0]] as const) : names;
    const reason = works ? 'it works again' : (cause?.message ?? 'it failed').slice(0, 500);
    this.context.onEvent({ type: 'switched', from, to, reason });
    this.#tellState(cause);
  }

  /** Connected means that messages can be taken. */
  #tellState(cause: Error | undefined): void {
    const isConnected = this.#target.works || this.#spool.member.works;
    if (isConnected === this.#isConnected || this.#closing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(cause === undefined ? {} : { error: cause }) });
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
