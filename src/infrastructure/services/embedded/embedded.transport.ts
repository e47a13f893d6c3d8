import { errorCodeOf, MessagingError } from '../../../core/messaging/ports/errors.js';
import type {
  Consumer,
  Destination,
  DiskUse,
  GroupKeeper,
  GroupState,
  OnDelivery,
  ProblemReporter,
  PublishOptions,
  PublishOutcome,
  Stored,
  Subscription,
  Transport,
  TransportContext,
  TransportProblem,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { CONSUMER_INTERRUPTED, type Backlog } from '../../../core/messaging/ports/transport.js';
import { assertName } from '../../../core/messaging/ports/names.js';
import { LocalInboxes } from '../../../core/messaging/transport-kit/local-inboxes.js';
import type { Inbox, OnReply, Replies } from '../../../core/messaging/ports/replies.js';
import { ErrorDeduplicator } from '../../../core/messaging/transport-kit/error-deduplicator.js';
import { ProblemList } from '../../../core/messaging/transport-kit/problem-list.js';
import { ReconnectLoop } from '../../../core/messaging/transport-kit/reconnect-loop.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
import { CorruptRecords } from './database/corrupt-records.js';
import type { EmbeddedOptions } from './embedded.options.js';
import { LogEngine } from './engine/log-engine.js';
import { LastingConsumer } from './groups/lasting-consumer.js';
import { removeGroup } from './engine/remove-group.js';
import { publishTo } from './engine/publish.js';

const PING_TIMEOUT_MS = 5_000;
const DISK_FULL = 'disk_full';
const EMPTY: Backlog = { ready: 0, inFlight: 0, delayed: 0 };

/**
 * Carries messages through an append-only log on the local disk.
 *
 * `accepted` means that the disk has confirmed the message: it survives the death of this process and, as far as the
 * disk keeps its word, of the machine. One process at a time can use a directory.
 *
 * When the directory is lost while it is open (removed, taken over, a write that the disk did not confirm), it is opened
 * again until that succeeds; subscriptions last meanwhile.
 *
 * Not a `CheckedTransport`: that abandons consumers before it lets the broker go, while here the journal is closed in between
 * and decides which settlements still count.
 */
export class EmbeddedTransport implements Transport, GroupKeeper, Replies, Stored, ProblemReporter {
  readonly name: string;
  readonly system = 'embedded';
  readonly isLocal = true;
  readonly durability = 'acknowledged';
  readonly #options: EmbeddedOptions;
  readonly #context: TransportContext;
  readonly #problems: ProblemList;
  readonly #troubles: ErrorDeduplicator;
  readonly #corrupt: CorruptRecords;
  readonly #consumers = new Set<LastingConsumer>();
  readonly #reopening: ReconnectLoop;
  /** One process at a time has the directory, so that replies stay in it. */
  readonly #inboxes: LocalInboxes;
  #open: LogEngine | undefined;
  /** The one before, and why it was abandoned. */
  #lost: { readonly engine: LogEngine; readonly error: Error; readonly abandoned: Promise<void> } | undefined;
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedOptions, context: TransportContext) {
    this.name = context.name;
    this.#inboxes = new LocalInboxes({ name: context.name, system: this.system });
    this.#options = options;
    this.#context = context;
    this.#problems = new ProblemList(context.onEvent);
    this.#corrupt = new CorruptRecords(options.directory, this.#problems);
    this.#troubles = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    const opening = (): Promise<void> => {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined;
      });
      return this.#connecting;
    };
    this.#reopening = new ReconnectLoop(opening, context.clock, (error) => {
      this.#troubles.trouble(error as Error);
      this.#interrupted(error as Error);
    });
  }

  connect(): Promise<void> {
    return this.#open ? Promise.resolve() : this.#reopening.start();
  }

  problems(): readonly TransportProblem[] {
    return this.#problems.all();
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
    this.#required();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    if (!(Number.isInteger(subscription.concurrency) && subscription.concurrency > 0))
      throw new MessagingError(
        'OPTION_INVALID',
        `A concurrency of ${subscription.concurrency} is not possible.`,
      );
    const consumer = new LastingConsumer(subscription, onDelivery);
    await consumer.attach(this.#required());
    this.#consumers.add(consumer);
    return { stop: () => this.#stop(consumer) };
  }

  async openInbox(onReply: OnReply): Promise<Inbox> {
    this.#required();
    return this.#inboxes.open(onReply);
  }

  /** Needs no disk, so that a request that was handled is answered while the directory is lost. */
  async reply(address: string, reply: WireMessage): Promise<PublishOutcome> {
    return this.#inboxes.reply(address, reply);
  }

  async isSubscribed(topic: string): Promise<boolean> {
    return [...this.#required().catalog.groups.values()].some((record) => record.topic === topic);
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

  async #stop(consumer: LastingConsumer): Promise<void> {
    this.#consumers.delete(consumer);
    this.#problems.solve(CONSUMER_INTERRUPTED, consumer.subscription);
    await consumer.stop();
  }

  async #connect(): Promise<void> {
    if (this.#open) return;
    if (this.#closing) throw this.#notOpen();
    await this.#assertReopenable();
    const open = await this.#openEngine();
    if (this.#isClosing()) {
      await open.close();
      throw this.#notOpen();
    }
    this.#open = open;
    this.#troubles.over();
    this.#checked(undefined);
    this.#context.onEvent({ type: 'connected' });
  }

  /** Rejects, without anything left open, when a subscription cannot be served. */
  async #openEngine(): Promise<LogEngine> {
    const opened: { engine?: LogEngine; suspect?: Error } = {};
    const engine = await LogEngine.open(this.#options, this.#context, {
      suspect: (error) => {
        opened.suspect = error;
        if (opened.engine && opened.engine === this.#open) this.#lose(opened.engine, error);
      },
      corrupt: this.#corrupt,
      checked: (error) => {
        if (opened.engine && opened.engine === this.#open) this.#checked(error);
      },
    });
    opened.engine = engine;
    try {
      for (const consumer of this.#consumers) await consumer.attach(engine);
      if (opened.suspect) throw opened.suspect;
      return engine;
    } catch (error) {
      for (const consumer of this.#consumers) consumer.detach();
      await engine.abandon();
      throw error;
    }
  }

  async #assertReopenable(): Promise<void> {
    if (!this.#lost) return;
    const { engine, error, abandoned } = this.#lost;
    await abandoned;
    if (!engine.database.releaseAgain()) throw error;
  }

  #lose(engine: LogEngine, error: Error): void {
    if (this.#closing) return;
    this.#open = undefined;
    for (const consumer of this.#consumers) consumer.detach();
    this.#context.onEvent({ type: 'disconnected', error });
    this.#interrupted(error);
    const abandoned = engine.abandon().catch((cause: unknown) => this.#troubles.trouble(cause as Error));
    this.#lost = { engine, error, abandoned };
    this.#reopening.lost();
  }

  /** @param error what keeps consumers from their messages, if anything does. */
  #checked(error: Error | undefined): void {
    if (error) this.#interrupted(error);
    else
      for (const { subscription } of this.#consumers)
        this.#problems.solve(CONSUMER_INTERRUPTED, subscription);
    const full = this.#open?.database.refusesGrowth(1);
    if (!full) this.#problems.solve(DISK_FULL);
    else
      this.#problems.add({
        code: DISK_FULL,
        reason: full.code,
        detail: `"${this.name}" takes no more messages, because the disk under ${this.#options.directory} is full or maxBytes is reached. Free space, raise maxBytes, or let consumers catch up.`,
      });
  }

  #interrupted(error: Error): void {
    for (const { subscription } of this.#consumers) {
      const { topic, group } = subscription;
      const detail = `Nothing comes from "${topic}" for the group "${group}": ${error.message}`;
      this.#problems.add({ code: CONSUMER_INTERRUPTED, topic, group, reason: errorCodeOf(error), detail });
    }
  }

  async #close(): Promise<void> {
    this.#reopening.end();
    await this.#connecting?.catch(() => undefined);
    const open = this.#open;
    this.#open = undefined;
    await this.#lost?.abandoned;
    if (!open) return;
    await open.close();
    this.#inboxes.clear();
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
    if (this.#closing)
      return new MessagingError('TRANSPORT_CLOSED', `The transport "${this.name}" is closed.`);
    return this.#lost?.error instanceof MessagingError
      ? this.#lost.error
      : new MessagingError('TRANSPORT_UNAVAILABLE', `The transport "${this.name}" is not connected yet.`);
  }
}
