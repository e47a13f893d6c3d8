import { MessagingError } from '../ports/errors.js';
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
} from '../ports/transport.js';
import type { ConnectionState } from './connection-state.js';
import type { AbandonableConsumer, ConsumerSet } from './consumer-set.js';
import type { ProblemList } from './problem-list.js';
import { assertDestination, mayBeTooLarge, tooLarge } from './message-checks.js';

/** What a broker's own code provides: it moves bytes, and is asked nothing that is wrong or comes too late. */
export interface TransportDriver<C extends AbandonableConsumer = AbandonableConsumer> extends Pick<
  Transport,
  'system' | 'durability' | 'connect' | 'publish' | 'backlog' | 'ping'
> {
  /** Largest message, with its headers, in bytes. */
  readonly maxMessageBytes: number;
  readonly consumers: ConsumerSet<C>;
  /** A consumer that has not started. */
  consumer(subscription: Subscription, onDelivery: OnDelivery): C;
  start(consumer: C): Promise<void>;
  /** What is wrong on the broker now. */
  readonly problems?: ProblemList;
  /** Ends what would begin something new. Consumers still settle what is in flight. */
  closing?(): void;
  /** Releases the broker, once no consumer runs any more. */
  close(): Promise<void>;
  /** The error that a caller is to see. */
  explain(cause: unknown): Error;
}

/**
 * The promises that are the same on every broker, around the driver that moves the bytes: names and sizes are checked, a closed
 * transport refuses everything, closing drains the consumers and has an end.
 */
export class CheckedTransport<
  C extends AbandonableConsumer,
  D extends TransportDriver<C> = TransportDriver<C>,
>
  implements Transport, ProblemReporter
{
  readonly name: string;
  readonly system: string;
  readonly durability: Durability;
  #closing: Promise<void> | undefined;

  protected constructor(
    protected readonly driver: D,
    private readonly state: ConnectionState,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    this.system = driver.system;
    this.durability = driver.durability;
  }

  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await this.driver.connect();
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return Promise.resolve([]);
    const refusal = this.#refusalOf(to);
    if (refusal) return Promise.resolve(messages.map(() => refusal));
    return mayBeTooLarge(messages, this.driver.maxMessageBytes)
      ? this.#publishFitting(to, messages, options)
      : this.driver.publish(to, messages, options);
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertDestination(subscription);
    const consumer = this.driver.consumer(subscription, onDelivery);
    return this.driver.consumers.serve(consumer, () => this.ask(() => this.driver.start(consumer)));
  }

  backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    return this.ask(() => this.driver.backlog(of));
  }

  ping(): Promise<void> {
    return this.ask(() => this.driver.ping());
  }

  problems(): readonly TransportProblem[] {
    return this.driver.problems?.all() ?? [];
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Rejects while it is closed, and with an error that explains what the driver rejects with. */
  protected async ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#closing) throw this.#closedError();
    try {
      return await question();
    } catch (error) {
      throw this.driver.explain(error);
    }
  }

  /** The outcome of a reply; never rejects. */
  protected checkedReply(reply: WireMessage, send: () => Promise<PublishOutcome>): Promise<PublishOutcome> {
    if (this.#closing) return Promise.resolve({ kind: 'unavailable', error: this.#closedError() });
    const { maxMessageBytes } = this.driver;
    const refusal =
      mayBeTooLarge([reply], maxMessageBytes) && tooLarge(reply, { name: this.name, maxMessageBytes });
    if (refusal) return Promise.resolve(refusal);
    return send().catch((error: unknown) => ({ kind: 'unknown', error: this.driver.explain(error) }));
  }

  async #close(): Promise<void> {
    this.state.closing();
    this.driver.closing?.();
    await this.driver.consumers.drain(this.context.clock);
    await this.driver.close();
    this.state.closed();
  }

  #refusalOf(to: Destination): PublishOutcome | undefined {
    if (this.#closing) return { kind: 'unavailable', error: this.#closedError() };
    try {
      assertDestination(to);
      return undefined;
    } catch (error) {
      return { kind: 'refused', error: error as Error };
    }
  }

  /** What is too large is refused, and does not keep the rest from going. */
  async #publishFitting(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const { maxMessageBytes } = this.driver;
    const refused = messages.map((message) => tooLarge(message, { name: this.name, maxMessageBytes }));
    const fitting = messages.filter((_, index) => !refused[index]);
    const taken = fitting.length === 0 ? [] : await this.driver.publish(to, fitting, options);
    const outcomes = taken[Symbol.iterator]();
    return refused.map((outcome) => outcome ?? (outcomes.next().value as PublishOutcome));
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
