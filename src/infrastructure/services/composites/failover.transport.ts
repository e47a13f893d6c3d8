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
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/transport.js';
import { publishByTurns } from './publish-by-turns.js';
import type { FailoverOptions } from './failover.options.js';
import { MemberConsumers } from './member-consumers.js';
import { Members } from './members.js';

const WEAKEST_FIRST: readonly Durability[] = ['memory', 'acknowledged', 'replicated'];

/**
 * Several transports as one: publishes on the first that works, consumes from all.
 *
 * It owns its members: it connects and closes them.
 */
export class FailoverTransport implements Transport, Composite {
  readonly name: string;
  readonly system = 'failover';
  /** The weakest of the members, which is what a message can count on. */
  readonly durability: Durability;
  readonly #members: Members;
  readonly #consumers = new Set<Consumer>();
  #isConnected = false;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError unless there are two members or more, each once. */
  constructor(
    transports: readonly Transport[],
    private readonly options: FailoverOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    const [first, ...others] = transports;
    if (!first || others.length === 0 || new Set(transports).size < transports.length)
      throw new MessagingConfigurationError([
        `Failover "${this.name}" needs two members or more, each once.`,
      ]);
    this.durability =
      WEAKEST_FIRST.find((level) => transports.some((one) => one.durability === level)) ?? 'memory';
    this.#members = new Members([first, ...others], options, context.clock, {
      switched: (from, to, reason) =>
        context.onEvent({ type: 'switched', from: from.name, to: to.name, reason: reason.slice(0, 500) }),
      changed: (cause) => this.#tellState(cause),
    });
  }

  /** Name of the member that is published to now. */
  get active(): string {
    return this.#members.active.name;
  }

  state(): CompositeState {
    return { active: this.active, members: this.#members.all.map((member) => member.state) };
  }

  /** Resolves when one member is connected; the others are tried again by themselves. */
  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    if (this.#isConnected) return;
    const results = await Promise.allSettled(this.#members.all.map((member) => member.connect()));
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as Error] : [],
    );
    if (errors.length === results.length) throw errors[0] ?? this.#closedError();
    this.#tellState(undefined);
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#closing) return messages.map(() => ({ kind: 'unavailable', error: this.#closedError() }));
    if (messages.length === 0) return [];
    const { clock } = this.context;
    return publishByTurns(this.#members.candidates(), { to, messages, options }, { ...this.options, clock });
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const consumers = new MemberConsumers(subscription, onDelivery, this.name, this.context.clock);
    await consumers.start(this.#members.all);
    this.#consumers.add(consumers);
    return { stop: () => consumers.stop().finally(() => this.#consumers.delete(consumers)) };
  }

  /** Over all members that answer. Rejects when none does. */
  async backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const answers = await Promise.allSettled(this.#members.all.map(({ transport }) => transport.backlog(of)));
    const known = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (known.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
    const sum = (part: 'ready' | 'inFlight' | 'delayed'): number =>
      known.reduce((total, backlog) => total + backlog[part], 0);
    const ages = known.flatMap(({ oldestAgeMs }) => (oldestAgeMs === undefined ? [] : [oldestAgeMs]));
    const counts = { ready: sum('ready'), inFlight: sum('inFlight'), delayed: sum('delayed') };
    return ages.length === 0 ? counts : { ...counts, oldestAgeMs: Math.max(...ages) };
  }

  /** Proves that one member works; the one in use is asked first. */
  async ping(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    let first: unknown;
    for (const { transport } of this.#members.candidates())
      try {
        await transport.ping();
        return;
      } catch (error) {
        first ??= error;
      }
    throw first;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#members.end();
    for (const consumers of this.#consumers) void consumers.stop(); // no more tries; members wait for what is in hand
    await Promise.all(this.#members.all.map((member) => member.close()));
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }

  /** Connected means that some member works. */
  #tellState(cause: Error | undefined): void {
    const isConnected = this.#members.anyWorks;
    if (isConnected === this.#isConnected || this.#closing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(cause === undefined ? {} : { error: cause }) });
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
