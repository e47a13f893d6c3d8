import { MessagingError } from '../core/messaging/ports/errors.js';
import type { Inbox, OnReply, Replies } from '../core/messaging/ports/replies.js';
import type {
  Consumer,
  Delivery,
  OnDelivery,
  PublishOutcome,
  Settlement,
  Subscription,
  Transport,
  TransportContext,
} from '../core/messaging/ports/transport.js';

type OnEvent = TransportContext['onEvent'];

/**
 * A transport whose connection to its broker can be cut and restored, with another transport for the broker.
 *
 * While it is cut it behaves as the port asks: it takes nothing, what was in flight returns to the broker, and late
 * settlements are dropped. Afterwards every consumer continues.
 */
export class SeverableTransport implements Transport {
  readonly name: string;
  readonly system: string;
  readonly durability: Transport['durability'];
  readonly #lines = new Set<Line>();
  #isCut = false;

  /** @param durability of the broker that is played, as receipts and composites see it. @default that of `broker` */
  constructor(
    readonly broker: Transport,
    private readonly onEvent: OnEvent,
    durability: Transport['durability'] = broker.durability,
  ) {
    ({ name: this.name, system: this.system } = broker);
    this.durability = durability;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** What is consumed here, each once for every consumer. */
  subscriptions(): readonly Subscription[] {
    return [...this.#lines].map(({ subscription }) => subscription);
  }

  async sever(): Promise<void> {
    this.#isCut = true;
    this.onEvent({ type: 'disconnected' });
    await Promise.all([...this.#lines].map((line) => line.sever()));
  }

  async restore(): Promise<void> {
    this.#isCut = false;
    this.onEvent({ type: 'connected' });
    await Promise.all([...this.#lines].map((line) => line.restore()));
  }

  async connect(): Promise<void> {
    if (this.#isCut) throw goneError();
    await this.broker.connect();
  }

  publish(...call: Parameters<Transport['publish']>): ReturnType<Transport['publish']> {
    if (!this.#isCut) return this.broker.publish(...call);
    return Promise.resolve(call[1].map(() => ({ kind: 'unavailable', error: goneError() })));
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#isCut) throw goneError();
    const line = new Line(subscription, (deliver) => this.broker.consume(subscription, deliver), {
      onDelivery,
      onDropped: () => this.onEvent({ type: 'settlement-dropped', ...subscription }),
    });
    await line.restore();
    this.#lines.add(line);
    return { stop: () => line.stop().finally(() => this.#lines.delete(line)) };
  }

  backlog(of: Pick<Subscription, 'topic' | 'group'>): ReturnType<Transport['backlog']> {
    return this.#isCut ? Promise.reject(goneError()) : this.broker.backlog(of);
  }

  ping(): Promise<void> {
    return this.#isCut ? Promise.reject(goneError()) : this.broker.ping();
  }

  close(): Promise<void> {
    return this.broker.close();
  }
}

/** A {@link SeverableTransport} that carries replies, over a broker that does. */
export class AnsweringTransport extends SeverableTransport implements Replies {
  constructor(
    override readonly broker: Transport & Replies,
    onEvent: OnEvent,
    durability?: Transport['durability'],
  ) {
    super(broker, onEvent, durability);
  }

  openInbox(onReply: OnReply): Promise<Inbox> {
    return this.isCut ? Promise.reject(goneError()) : this.broker.openInbox(onReply);
  }

  reply(...call: Parameters<Replies['reply']>): Promise<PublishOutcome> {
    return this.isCut
      ? Promise.resolve({ kind: 'unavailable', error: goneError() })
      : this.broker.reply(...call);
  }

  isSubscribed(topic: string): Promise<boolean> {
    return this.isCut ? Promise.reject(goneError()) : this.broker.isSubscribed(topic);
  }
}

interface LineEnds {
  readonly onDelivery: OnDelivery;
  readonly onDropped: () => void;
}

/** One subscription, over as many connections as it takes. */
class Line {
  readonly #inFlight = new Set<Promise<Settlement>>();
  #connection: { readonly consumer: Consumer; readonly lose: () => void } | undefined;
  #isStopped = false;

  constructor(
    readonly subscription: Subscription,
    private readonly subscribe: (onDelivery: OnDelivery) => Promise<Consumer>,
    private readonly ends: LineEnds,
  ) {}

  async restore(): Promise<void> {
    if (this.#isStopped) return;
    let lose = (): void => undefined;
    const lost = new Promise<undefined>((resolve) => (lose = () => resolve(undefined)));
    const consumer = await this.subscribe((delivery) => this.#deliver(delivery, lost));
    this.#connection = { consumer, lose };
  }

  async sever(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    const stopped = connection?.consumer.stop(); // first, or what goes back would come again over this connection
    connection?.lose();
    await stopped;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#connection?.consumer.stop();
    await Promise.all(this.#inFlight);
  }

  async #deliver(delivery: Delivery, lost: Promise<undefined>): Promise<Settlement> {
    const handled = this.ends.onDelivery(delivery);
    this.#inFlight.add(handled);
    const done = (): boolean => this.#inFlight.delete(handled);
    handled.then(done, done);
    const settlement = await Promise.race([handled, lost]);
    if (settlement) return settlement;
    void handled.then(this.ends.onDropped);
    return { kind: 'retry', delayMs: 0 };
  }
}

function goneError(): MessagingError {
  return new MessagingError('TRANSPORT_UNAVAILABLE', 'The connection to the broker is cut. Restore it.');
}
