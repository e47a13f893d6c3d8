import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { shuffled } from '../../../../core/messaging/transport-kit/shuffle.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  loadAmqplib,
} from '../client/amqplib-client.js';
import { isFatal, reasonOf } from '../client/rabbitmq-errors.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';
import { boundHeaders } from './bound-headers.js';
import { endChannel } from './channel-calls.js';
import type { NodeAddress } from './server-urls.js';
import { SilenceWatch } from './silence-watch.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

const RECONNECT_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;

export interface ConnectionListener {
  /** The connection is usable. Channels of an earlier connection have ended. */
  onUp?(): void;
  onDown?(error: MessagingError | undefined): void;
  onBlocked?(reason: string): void;
  onUnblocked?(): void;
  /** The broker or its certificate forbids the connection. It is tried again, and fails until the configuration or the broker changes. */
  onRefused?(error: MessagingError): void;
  /** The client has internals in which the headers of received messages cannot be bounded. */
  onUnboundedHeaders?(): void;
  /** A callback of a channel has thrown. Only that channel is closed. */
  onHandlerError?(error: MessagingError): void;
}

/**
 * One connection to any node of a cluster. It reconnects by itself: nodes in random order, exponential backoff with jitter.
 *
 * It buffers nothing. Channels belong to the connection on which they were opened and end with it.
 */
export class RabbitmqConnection {
  readonly label: string;
  #model: ChannelModel | undefined;
  #connecting: Promise<void> | undefined;
  #order: NodeAddress[] = [];
  #failures = 0;
  #blockedReason: string | undefined;
  /** Why it is down. */
  #downBecause: MessagingError | undefined;
  #silenceWatch: SilenceWatch | undefined;
  /** Queues from which an expected message did not arrive through this node. */
  #stalledQueues = new Set<string>();
  #isClosed = false;
  #cancelReconnect = (): void => undefined;
  #listener: ConnectionListener = {};

  constructor(
    name: string,
    private readonly urls: readonly NodeAddress[],
    private readonly settings: {
      readonly options: Pick<
        RabbitmqOptions,
        'connectTimeoutMs' | 'operationTimeoutMs' | 'heartbeatMs' | 'topology'
      >;
      readonly clock: Clock;
    },
  ) {
    const at = urls.map(({ address }) => address).join(', ');
    this.label = `RabbitMQ "${name}" at ${at}`;
  }

  /** Replaces the listener. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  /** False with `topology: 'verify'`: not even a queue for a lock may be declared. */
  get mayDeclare(): boolean {
    return this.settings.options.topology === 'declare';
  }

  get isUp(): boolean {
    return this.#model !== undefined;
  }

  /** Why the broker has blocked this connection; undefined while it accepts messages. */
  get blockedReason(): string | undefined {
    return this.#blockedReason;
  }

  /** Resolves once it is usable; from then on it reconnects without end. Rejects when no node can be reached, and may be called again. */
  async connect(): Promise<void> {
    if (this.#isClosed) throw this.#closedError();
    if (this.#model) return;
    this.#connecting ??= this.#connectAnywhere().finally(() => (this.#connecting = undefined));
    await this.#connecting;
  }

  /** Rejects when it is down. */
  openChannel(): Promise<Channel> {
    return this.#open((model) => model.createChannel());
  }

  openConfirmChannel(): Promise<ConfirmChannel> {
    // The buffer counts frames. It is larger than any window of unconfirmed messages, so that only the window limits publishing.
    return this.#open((model) => model.createConfirmChannel({ highWaterMark: 65_536 }));
  }

  /** Records that the queue delivers nothing. Returns true when that has happened before on this connection. */
  hasStalledAgain(queue: string): boolean {
    const isAgain = this.#stalledQueues.has(queue);
    this.#stalledQueues.add(queue);
    return isAgain;
  }

  /** Drops the connection and connects to another node, because this one no longer responds. */
  abandon(why: string): void {
    const model = this.#model;
    if (!model) return;
    destroySocket(model);
    this.#lost(model, new MessagingError('TRANSPORT_UNAVAILABLE', `${this.label} ${why}`));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelReconnect();
    this.#silenceWatch?.end();
    const model = this.#model;
    this.#model = undefined;
    if (!model) return;
    try {
      await withDeadline(model.close(), CLOSE_TIMEOUT_MS, () => new Error('late'));
    } catch {
      destroySocket(model);
    }
  }

  async #open<T extends Channel>(create: (model: ChannelModel) => Promise<T>): Promise<T> {
    const model = this.#model;
    if (!model) throw this.#downError();
    const opening = create(model).then((channel) => {
      // Without a listener an error of a channel would end the whole connection.
      channel.on('error', () => undefined);
      // Likewise an error in a callback. The broker counts the delivery and delivers again, up to its limit.
      channel.on('handler-error', (error: unknown) => {
        endChannel(channel);
        this.#listener.onHandlerError?.(this.#handlerError(error));
      });
      return channel;
    });
    return withDeadline(opening, this.settings.options.operationTimeoutMs, () => this.#silentError());
  }

  async #connectAnywhere(): Promise<void> {
    const { connect } = await loadAmqplib();
    let last: unknown;
    for (const url of this.#nextOrder()) {
      if (this.#isClosed) throw this.#closedError();
      try {
        this.#adopt(await this.#connectTo(connect, url));
        return;
      } catch (error) {
        last = error;
        if (isFatal(error)) break;
      }
    }
    throw new MessagingError(
      isFatal(last) ? 'FORBIDDEN' : 'TRANSPORT_UNAVAILABLE',
      `${this.label} cannot be reached${reasonOf(last)}.`,
    );
  }

  async #connectTo(
    connect: Awaited<ReturnType<typeof loadAmqplib>>['connect'],
    { connect: where, tls }: NodeAddress,
  ): Promise<ChannelModel> {
    const timeout = this.settings.options.connectTimeoutMs;
    const connecting = connect(where, {
      ...tls,
      noDelay: true,
      keepAlive: true,
      timeout,
      clientProperties: { connection_name: this.label },
    });
    const late = (): Error => Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' });
    try {
      return await withDeadline(connecting, timeout, late);
    } catch (error) {
      connecting.then(destroySocket, () => undefined); // it may still succeed later
      throw error;
    }
  }

  #adopt(model: ChannelModel): void {
    if (!boundHeaders(model)) this.#listener.onUnboundedHeaders?.();
    let cause: unknown;
    model.on('error', (error: Error) => (cause = error));
    model.on('close', (error?: Error) => {
      destroySocketLater(model);
      this.#lost(model, cause ?? error);
    });
    model.on('blocked', (reason: string) => {
      this.#blockedReason = reason || 'resource alarm';
      this.#listener.onBlocked?.(this.#blockedReason);
    });
    model.on('unblocked', () => {
      this.#blockedReason = undefined;
      this.#listener.onUnblocked?.();
    });
    if (this.#isClosed) {
      destroySocket(model);
      throw this.#closedError();
    }
    this.#model = model;
    this.#stalledQueues = new Set();
    this.#failures = 0;
    this.#downBecause = undefined;
    const { options, clock } = this.settings;
    this.#silenceWatch = new SilenceWatch(streamOf(model), options.heartbeatMs, clock, () =>
      this.abandon(`has sent nothing for ${2 * options.heartbeatMs} ms, not even a heartbeat.`),
    );
    this.#listener.onUp?.();
  }

  #lost(model: ChannelModel, cause: unknown): void {
    if (this.#model !== model) return;
    this.#model = undefined;
    this.#silenceWatch?.end();
    if (this.#blockedReason !== undefined) {
      this.#blockedReason = undefined;
      this.#listener.onUnblocked?.();
    }
    if (this.#isClosed) return;
    this.#downBecause =
      cause instanceof MessagingError
        ? cause
        : new MessagingError('TRANSPORT_UNAVAILABLE', `${this.label} lost its connection${reasonOf(cause)}.`);
    this.#listener.onDown?.(this.#downBecause);
    this.#reconnect();
  }

  #reconnect(): void {
    if (this.#isClosed) return;
    const delayMs = backoffMs(this.#failures, RECONNECT_BACKOFF);
    this.#failures += 1;
    this.#cancelReconnect = this.settings.clock.schedule(delayMs, () => {
      this.connect().catch((error: unknown) => {
        if (error instanceof MessagingError) this.#downBecause = error;
        if (!this.#isClosed && this.#downBecause?.code === 'FORBIDDEN')
          this.#listener.onRefused?.(this.#downBecause);
        this.#reconnect();
      });
    });
  }

  /** The node that was lost comes last. */
  #nextOrder(): readonly NodeAddress[] {
    if (this.#order.length === 0) this.#order = shuffled(this.urls);
    const order = this.#order;
    this.#order = [...order.slice(1), ...order.slice(0, 1)];
    return order;
  }

  #downError(): MessagingError {
    if (this.#isClosed) return this.#closedError();
    const text = this.#downBecause?.message ?? `${this.label} is not connected.`;
    return new MessagingError('TRANSPORT_UNAVAILABLE', `${text} It reconnects by itself.`);
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `${this.label} is closed.`);
  }

  #handlerError(cause: unknown): MessagingError {
    const text = `${this.label}: a delivery could not be processed, and its channel is opened again. Reason: ${String(cause)}`;
    return new MessagingError('TRANSPORT_UNAVAILABLE', text, { cause });
  }

  #silentError(): MessagingError {
    return new MessagingError(
      'DEADLINE_EXCEEDED',
      `${this.label} did not reply within ${this.settings.options.operationTimeoutMs} ms.`,
    );
  }
}

/** Longest wait for the close handshake. */
const CLOSE_TIMEOUT_MS = 2_000;
/** Time for the last bytes to be written before a half-open socket is closed. */
const FLUSH_MS = 1_000;

interface Stream {
  readonly bytesRead: number;
  destroy(error?: Error): void;
}

/** The client has no method for this: its `close` waits for the reply without a deadline. */
function destroySocket(model: ChannelModel): void {
  model.on('error', () => undefined);
  streamOf(model).destroy(new Error('given up')); // with an error, because the client ignores an end without one
}

/** Closes half-open sockets: the client waits for the other side to end, which a broker that hangs never does. */
function destroySocketLater(model: ChannelModel): void {
  systemClock.schedule(FLUSH_MS, () => streamOf(model).destroy());
}

function streamOf({ connection }: ChannelModel): Stream {
  return (connection as unknown as { readonly stream: Stream }).stream;
}
