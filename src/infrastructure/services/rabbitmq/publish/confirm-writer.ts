import { LinkedSet } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { ConfirmChannel, Message } from '../client/amqplib-client.js';
import { NackBackoff } from './nack-backoff.js';
import type { ConfirmResult, OutboundMessage } from './outbound-message.js';
import { exceedsFrame, PublishFrameEncoder } from './publish-frame-encoder.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { REPLY, replyCodeOf, said } from '../client/rabbitmq-errors.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';

const DEADLINE_CHECK_MS = 20;
/** A forbidden publish closes the channel for all, so that it is not tried again for this long. */
const FORBIDDEN_MS = 30_000;
/** Most unconfirmed bytes; a single larger message is sent alone. */
const MAX_UNCONFIRMED_BYTES = 32 * 2 ** 20;

/**
 * Writes messages on one confirm channel, up to a window of unconfirmed ones, and settles each with its result.
 *
 * A message without a confirm at its deadline is settled as overdue but stays in the window, so that a broker that confirms
 * nothing gets no further messages.
 */
export class ConfirmWriter {
  readonly #queued = new LinkedSet<OutboundMessage>();
  readonly #written = new LinkedSet<OutboundMessage>();
  #writtenBytes = 0;
  /** Unknown until the broker has refused a message for its size. */
  #maxBytes = Infinity;
  /** Exchanges that this user may not publish to: until when that is not tried again, on the monotonic clock. */
  readonly #forbidden = new Map<string, number>();
  #channel: ConfirmChannel | undefined;
  #frames: PublishFrameEncoder | undefined;
  #opening: Promise<void> | undefined;
  #closedBecause: string | undefined;
  readonly #nacks = new NackBackoff();
  /** Writing is suspended until everything in flight is confirmed and there is a new channel. */
  #isRenewing = false;
  #isCheckScheduled = false;
  #isClosed = false;

  /** @param undeclared called when the exchange of a publish no longer exists. */
  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly options: Pick<RabbitmqOptions, 'maxUnconfirmed' | 'operationTimeoutMs'>,
    private readonly clock: Clock,
    private readonly undeclared: (text: string) => void,
  ) {}

  /** Reason that the broker gave when it last closed a channel. */
  get closedBecause(): string | undefined {
    return this.#closedBecause;
  }

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  /** Resolves once messages can be written; until then they are `unsent`. Rejects when the connection is down. */
  async open(): Promise<void> {
    if (this.#channel) return;
    await this.#openOnce();
  }

  write(outbound: OutboundMessage): void {
    if (this.#isClosed || !this.#channel || this.connection.blockedReason !== undefined) {
      outbound.settle('unsent');
      return;
    }
    const refusal = this.#refusalOf(outbound, this.#channel);
    if (refusal) outbound.settle(refusal);
    else if (this.#queued.size === 0 && !this.#isRenewing && this.#hasRoomFor(outbound))
      this.#put(outbound, this.#channel);
    else this.#queued.add(outbound);
    this.#checkDeadlinesLater();
  }

  /** The broker accepts nothing for now: queued messages fail at once. */
  failQueued(): void {
    for (const outbound of this.#queued) {
      this.#queued.delete(outbound);
      outbound.settle('unsent');
    }
  }

  close(): void {
    this.#isClosed = true;
    this.failQueued();
    for (const outbound of this.#written) outbound.settle('lost');
  }

  #openOnce(): Promise<void> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<void> {
    const channel = await this.connection.openConfirmChannel();
    channel.on('return', (message) => this.#returned(channel, message));
    channel.on('error', (error: Error) => {
      this.#closedBecause = said(error);
      if (replyCodeOf(error) === REPLY.notFound) this.undeclared(said(error));
      if (replyCodeOf(error) === REPLY.accessRefused) this.#noteForbidden(error.message);
      this.#maxBytes = Number(
        /larger than (?:configured )?max size (\d+)/.exec(error.message)?.[1] ?? this.#maxBytes,
      );
    });
    channel.on('close', () => this.#channelClosed(channel));
    this.#channel = channel;
    this.#frames = PublishFrameEncoder.of(channel);
    this.#closedBecause = undefined;
  }

  /** What the broker would refuse by closing the channel or the connection is not sent. */
  #refusalOf(
    { content, exchange, properties }: OutboundMessage,
    channel: ConfirmChannel,
  ): ConfirmResult | undefined {
    if (content.length > this.#maxBytes) return 'oversized';
    if (this.#isForbidden(exchange)) return 'forbidden';
    return properties.headers !== undefined && exceedsFrame(channel, properties) ? 'unencodable' : undefined;
  }

  #isForbidden(exchange: string): boolean {
    if (this.#forbidden.size === 0) return false;
    const until = this.#forbidden.get(exchange);
    if (until === undefined) return false;
    if (until > this.clock.monotonic()) return true;
    this.#forbidden.delete(exchange);
    return false;
  }

  /** The broker names the exchange in its reply. */
  #noteForbidden(text: string): void {
    const exchange = /access to exchange '([^']*)'/.exec(text)?.[1];
    if (exchange === undefined) return;
    const name = exchange === 'amq.default' ? '' : exchange;
    this.#forbidden.set(name, this.clock.monotonic() + FORBIDDEN_MS);
  }

  #hasRoomFor({ content }: OutboundMessage): boolean {
    if (this.#written.size === 0) return true;
    return (
      this.#written.size < this.options.maxUnconfirmed &&
      this.#writtenBytes + content.length <= MAX_UNCONFIRMED_BYTES
    );
  }

  #put(outbound: OutboundMessage, channel: ConfirmChannel): void {
    outbound.channel = channel;
    outbound.writtenAt = this.clock.monotonic();
    const { exchange, routingKey, content, properties } = outbound;
    const confirmed = (error: unknown): void => this.#confirmed(outbound, error);
    try {
      if (!this.#frames?.add(outbound, confirmed))
        channel.publish(exchange, routingKey, content, properties, confirmed);
    } catch (error) {
      outbound.settle(isClosedChannel(error) ? 'unsent' : 'unencodable');
      return;
    }
    this.#written.add(outbound);
    this.#writtenBytes += content.length;
  }

  #confirmed(outbound: OutboundMessage, error: unknown): void {
    this.#written.delete(outbound);
    this.#writtenBytes -= outbound.content.length;
    if (outbound.isReturned) outbound.settle('returned');
    else if (!error) outbound.settle('confirmed');
    else if (isNack(error)) this.#nacked(outbound);
    else outbound.settle(outbound.content.length > this.#maxBytes ? 'oversized' : 'lost');
    if (this.#isRenewing) this.#renewOnceEmpty();
    else if (this.#queued.size > 0) this.#advance();
  }

  #nacked(outbound: OutboundMessage): void {
    outbound.settle('nacked');
    if (outbound.channel === this.#channel && this.#nacks.asksForNewChannel(this.clock.monotonic()))
      this.#isRenewing = true;
  }

  /** Only once empty, because a second channel could overtake the first and change the order of a key. */
  #renewOnceEmpty(): void {
    const old = this.#channel;
    if (this.#written.size > 0 || this.#opening || !old) return;
    this.#openOnce()
      .then(() => void old.close().catch(() => undefined))
      .catch(() => undefined) // the old channel is used until the next try, or its end
      .finally(() => {
        this.#isRenewing = false;
        this.#advance();
      });
  }

  #advance(): void {
    for (const outbound of this.#queued) {
      if (!this.#channel || !this.#hasRoomFor(outbound)) return;
      this.#queued.delete(outbound);
      this.#put(outbound, this.#channel);
    }
  }

  /** The broker identifies a returned message only by its properties. */
  #returned(channel: ConfirmChannel, { properties, fields }: Message): void {
    for (const outbound of this.#written)
      if (
        outbound.channel === channel &&
        !outbound.isReturned &&
        outbound.properties.messageId === properties.messageId &&
        outbound.exchange === fields.exchange
      ) {
        outbound.isReturned = true;
        return;
      }
  }

  #channelClosed(channel: ConfirmChannel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#isRenewing = false;
    this.failQueued();
    if (this.connection.isUp && !this.#isClosed) this.open().catch(() => undefined); // the next publish tries again
  }

  #checkDeadlinesLater(): void {
    if (this.#isCheckScheduled) return;
    this.#isCheckScheduled = true;
    this.clock.schedule(DEADLINE_CHECK_MS, () => this.#checkDeadlines());
  }

  #checkDeadlines(): void {
    this.#isCheckScheduled = false;
    const now = this.clock.monotonic();
    for (const outbound of this.#queued)
      if (outbound.deadline <= now) {
        this.#queued.delete(outbound);
        outbound.settle('unsent');
      }
    let oldest = now;
    for (const outbound of this.#written) {
      oldest = Math.min(oldest, outbound.writtenAt);
      if (outbound.deadline <= now) outbound.settle('overdue');
    }
    if (this.connection.blockedReason === undefined && now - oldest > this.options.operationTimeoutMs)
      this.connection.abandon(`has confirmed nothing for ${this.options.operationTimeoutMs} ms.`);
    if (this.#queued.size + this.#written.size > 0) this.#checkDeadlinesLater();
  }
}

function isNack(error: unknown): boolean {
  return (error as Error).message === 'message nacked';
}

function isClosedChannel(error: unknown): boolean {
  return (error as Error).name === 'IllegalOperationError';
}
