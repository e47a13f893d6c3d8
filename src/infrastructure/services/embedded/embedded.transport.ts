import { MessagingError } from '../../../core/messaging/ports/errors.js';
import type {
  Backlog,
  Consumer,
  Destination,
  DiskUse,
  GroupKeeper,
  GroupState,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Stored,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { assertName } from '../../../core/messaging/ports/names.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
import type { EmbeddedOptions } from './embedded.options.js';
import { LogEngine } from './engine/log-engine.js';
import { removeGroup } from './engine/remove-group.js';
import { publishTo } from './engine/publish.js';

const PING_TIMEOUT_MS = 5_000;
const EMPTY: Backlog = { ready: 0, inFlight: 0, delayed: 0 };

/**
 * Carries messages through an append-only log on the local disk.
 *
 * `accepted` means that the disk has confirmed the message: it survives the death of this process and, as far as the
 * disk keeps its word, of the machine. One process at a time can use a directory.
 *
 * Not a `CheckedTransport`: that abandons consumers before it lets the broker go, while here the journal is closed in between
 * and decides which settlements still count.
 */
export class EmbeddedTransport implements Transport, GroupKeeper, Stored {
  readonly name: string;
  readonly system = 'embedded';
  readonly durability = 'acknowledged';
  readonly #options: EmbeddedOptions;
  readonly #context: TransportContext;
  #open: LogEngine | undefined;
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedOptions, context: TransportContext) {
    this.name = context.name;
    this.#options = options;
    this.#context = context;
  }

  connect(): Promise<void> {
    if (this.#open) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return [];
    const open = this.#open;
    const error = open ? open.database.suspect : this.#notOpen();
    if (!open || error) return messages.map(() => ({ kind: 'unavailable', error: error ?? this.#notOpen() }));
    return publishTo(open, messages, { to, ...options });
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    const open = this.#required();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    if (!(Number.isInteger(subscription.concurrency) && subscription.concurrency > 0))
      throw new MessagingError(
        'OPTION_INVALID',
        `A concurrency of ${subscription.concurrency} is not possible.`,
      );
    return open.consume(subscription, onDelivery);
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    return this.#required().group(topic, group)?.backlog() ?? EMPTY;
  }

  async groups(topic: string): Promise<readonly GroupState[]> {
    const open = this.#required();
    const names = [...open.catalog.groups.values()].filter((record) => record.topic === topic);
    return names.flatMap((record) => {
      const group = open.group(topic, record.group);
      return group ? [{ group: record.group, isConsumed: group.isConsumed, backlog: group.backlog() }] : [];
    });
  }

  async removeGroup(topic: string, group: string): Promise<boolean> {
    return removeGroup(this.#required(), topic, group);
  }

  async ping(): Promise<void> {
    const { database } = this.#required();
    const refusal = database.suspect ?? database.refusesGrowth(1);
    if (refusal) throw refusal;
    const catalog = database.table('catalog');
    const written = database.commit({ write: () => catalog.put(Buffer.from('p'), Buffer.from([1])) });
    if (!(await settlesWithin(written, PING_TIMEOUT_MS)))
      throw new MessagingError(
        'DEADLINE_EXCEEDED',
        `The disk under ${database.directory} did not take a write within ${PING_TIMEOUT_MS} ms. Check its load.`,
      );
  }

  diskUse(): DiskUse | undefined {
    const database = this.#open?.database;
    return database && { bytes: database.liveBytes, maxBytes: database.maxBytes };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #connect(): Promise<void> {
    if (this.#closing) throw this.#notOpen();
    const open = await LogEngine.open(this.#options, this.#context);
    if (this.#isClosing()) {
      await open.close();
      throw this.#notOpen();
    }
    this.#open = open;
    this.#context.onEvent({ type: 'connected' });
  }

  async #close(): Promise<void> {
    await this.#connecting?.catch(() => undefined);
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    await open.close();
    this.#context.onEvent({ type: 'disconnected' });
  }

  #isClosing(): boolean {
    return this.#closing !== undefined;
  }

  #required(): LogEngine {
    if (!this.#open) throw this.#notOpen();
    return this.#open;
  }

  #notOpen(): MessagingError {
    return this.#closing
      ? new MessagingError('TRANSPORT_CLOSED', `The transport "${this.name}" is closed.`)
      : new MessagingError('TRANSPORT_UNAVAILABLE', `The transport "${this.name}" is not connected yet.`);
  }
}
