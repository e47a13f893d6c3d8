import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  assertName,
  type Backlog,
  type Consumer,
  type Destination,
  InvalidMessageError,
  MessagingError,
  type OnDelivery,
  type PublishOptions,
  type PublishOutcome,
  type Settlement,
  type Subscription,
  type Transport,
  type TransportContext,
  type WireMessage,
} from 'switchyard';
import { type Entry, GroupQueue, type QueueConsumer } from './group-queue.js';
import { Journal, type Place } from './journal.js';
import { type Fields, type Live, LiveEntries, type Loaded, type Message } from './live-entries.js';
import { lockFolder } from './lock.js';

export interface FolderTransportOptions {
  /** Where it keeps its messages. One process at a time uses it. */
  readonly directory: string;
  /** Largest body. @default 1114112 (1 MiB and 64 KiB) */
  readonly maxBodyBytes?: number;
}

class Topic {
  readonly joined = new Set<string>();
  readonly queues = new Map<string, GroupQueue>();
  /** What was published before the first group came. */
  early: Loaded[] = [];
}

const CLOSE_TIMEOUT_MS = 5_000;
const RETRY_NOW: Settlement = { kind: 'retry', delayMs: 0 };

/**
 * Keeps messages in a journal in a folder of this machine. What it has accepted survives the death of its process; after a
 * power failure, what the operating system had not written yet is missing. The journal is shortened when it is opened.
 */
export class FolderTransport implements Transport {
  readonly name: string;
  readonly system = 'folder';
  readonly durability = 'acknowledged';
  readonly isLocal = true;
  readonly #topics = new Map<string, Topic>();
  readonly #consumers = new Set<QueueConsumer>();
  #journal: Journal<Fields> | undefined;
  #unlock = (): Promise<void> => Promise.resolve();
  #number = 0;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly options: FolderTransportOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
  }

  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    if (this.#journal) return;
    const { directory } = this.options;
    await mkdir(directory, { recursive: true });
    this.#unlock = await lockFolder(directory);
    try {
      const loaded = await this.#load(join(directory, 'journal'));
      for (const { topic, group, ...one } of loaded) this.#add(this.#queue(topic, group), one);
    } catch (error) {
      await this.#unlock();
      throw error;
    }
    this.context.onEvent({ type: 'connected' });
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    { deadlineMs, delayMs = 0 }: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const { clock } = this.context;
    const refusal = this.#refusalOf(to);
    if (refusal) return messages.map(() => refusal);
    let cancel = (): void => undefined;
    const late = new Promise<readonly PublishOutcome[]>((resolve) => {
      const error = new MessagingError(
        'DEADLINE_EXCEEDED',
        `Transport "${this.name}" did not write within ${deadlineMs} ms.`,
      );
      cancel = clock.schedule(deadlineMs, () => resolve(messages.map(() => ({ kind: 'unknown', error }))));
    });
    const written = Promise.all(messages.map((message) => this.#publishOne(to, message, delayMs)));
    return Promise.race([written, late]).finally(() => cancel());
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    const { topic, group } = subscription;
    assertName('topic', topic);
    assertName('group', group);
    if (!this.#topic(topic).joined.has(group)) {
      await this.#open().append({ op: 'join', topic, group });
      for (const one of this.#join(topic, group)) this.#add(this.#queue(topic, group), one);
    }
    const queue = this.#queue(topic, group);
    const consumer: QueueConsumer = { subscription, onDelivery, running: new Set() };
    this.#open();
    this.#consumers.add(consumer);
    queue.consumers.push(consumer);
    queue.dispatch();
    return { stop: () => this.#stop(consumer) };
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const queue = this.#topics.get(topic)?.queues.get(group);
    return queue?.backlog() ?? { ready: 0, inFlight: 0, delayed: 0 };
  }

  /** Writes a record that says nothing. */
  async ping(): Promise<void> {
    await this.#open().append({ op: 'settled', topic: '', group: '', number: 0 });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const journal = this.#journal;
    if (!journal) return;
    const stopped = Promise.all([...this.#consumers].map((consumer) => this.#stop(consumer)));
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.context.clock.schedule(CLOSE_TIMEOUT_MS, resolve);
    });
    await Promise.race([stopped, late]).finally(() => cancel());
    for (const { queues } of this.#topics.values()) for (const queue of queues.values()) queue.close();
    this.#journal = undefined;
    await journal.close();
    await this.#unlock();
    this.context.onEvent({ type: 'disconnected' });
  }

  async #stop(consumer: QueueConsumer): Promise<void> {
    const { topic, group } = consumer.subscription;
    const { consumers } = this.#queue(topic, group);
    const index = consumers.indexOf(consumer);
    if (index >= 0) consumers.splice(index, 1);
    await Promise.all(consumer.running);
    this.#consumers.delete(consumer);
  }

  async #publishOne(
    { topic, group }: Destination,
    { id, key, headers, body }: WireMessage,
    delayMs: number,
  ): Promise<PublishOutcome> {
    const { maxBodyBytes = 2 ** 20 + 2 ** 16 } = this.options;
    if (body.length > maxBodyBytes) {
      const text = `Message ${id} has ${body.length} bytes; transport "${this.name}" takes ${maxBodyBytes}.`;
      return { kind: 'refused', error: new InvalidMessageError('MESSAGE_TOO_LARGE', text) };
    }
    const now = this.context.clock.now();
    const fields: Message = {
      op: 'message',
      number: ++this.#number,
      topic,
      ...(group !== undefined && { group }),
      id,
      ...(key !== undefined && { key }),
      ...{ headers, attempt: 1, publishedAt: now, at: now, delayMs },
    };
    try {
      const place = await this.#open().append(fields, body);
      for (const to of this.#receivers(fields, place)) this.#queue(topic, to.group).add(to.entry, delayMs);
      return { kind: 'accepted' };
    } catch (error) {
      return { kind: 'unknown', error: error as Error };
    }
  }

  async #deliver(entry: Entry, { onDelivery, subscription: { topic, group } }: QueueConsumer): Promise<void> {
    const queue = this.#queue(topic, group);
    const { number } = entry;
    try {
      const journal = this.#open();
      await journal.append({ op: 'start', topic, group, number });
      const message = await this.#message(journal, entry);
      const settlement = await onDelivery({ message, attempt: entry.attempt, transport: this.name }).catch(
        () => RETRY_NOW,
      );
      if (!this.#journal) {
        this.context.onEvent({ type: 'settlement-dropped', topic, group });
        return;
      }
      if (settlement.kind === 'ack') {
        await journal.append({ op: 'settled', topic, group, number });
        queue.settled(entry);
        return;
      }
      const { delayMs, countsAttempt = true } = settlement;
      const attempt = entry.attempt + (countsAttempt ? 1 : 0);
      const headers = { ...entry.headers, ...settlement.headers };
      const at = this.context.clock.now();
      await journal.append({ op: 'settled', topic, group, number, retry: { attempt, headers, at, delayMs } });
      Object.assign(entry, { attempt, headers });
      queue.add(entry, delayMs);
    } catch (error) {
      // The message is as it was before the delivery; a broken disk is not asked at once again.
      this.context.onEvent({ type: 'error', error: error as Error });
      if (this.#journal) queue.add(entry, 1_000);
    }
  }

  async #message(journal: Journal<Fields>, { place, headers }: Entry): Promise<WireMessage> {
    const { fields, body } = await journal.read(place);
    const { id, key, headers: own } = fields as Message;
    return { id, ...(key !== undefined && { key }), headers: { ...own, ...headers }, body };
  }

  /** Reads the journal, and writes a new one with what is not settled. */
  async #load(path: string): Promise<readonly Live[]> {
    const old = await Journal.open<Fields>(path);
    const live = new LiveEntries();
    for await (const { fields, place } of old.records()) {
      const { topic, op } = fields;
      if (op === 'start') live.start(fields);
      else if (op === 'settled') live.settle(fields);
      else if (op === 'join')
        for (const one of this.#join(topic, fields.group)) live.put({ ...one, topic, group: fields.group });
      else {
        this.#number = Math.max(this.#number, fields.number);
        for (const one of this.#receivers(fields, place)) live.put({ ...one, topic });
      }
    }
    await this.#shorten(path, old, live.all());
    return live.all();
  }

  async #shorten(path: string, old: Journal<Fields>, live: readonly Live[]): Promise<void> {
    const next = `${path}.new`;
    await rm(next, { force: true });
    const journal = await Journal.open<Fields>(next);
    const keep = async (one: Loaded, group?: string): Promise<void> => {
      const { fields, body } = await old.read(one.entry.place);
      const { entry, at, delayMs } = one;
      const headers = { ...(fields as Message).headers, ...entry.headers };
      const to = group === undefined ? {} : { group };
      const kept = { ...(fields as Message), ...to, headers, attempt: entry.attempt, at, delayMs };
      Object.assign(entry, { place: await journal.append(kept, body), headers: {} });
    };
    for (const one of live) await keep(one, one.group);
    for (const [topic, { joined, early }] of this.#topics) {
      for (const group of joined) await journal.append({ op: 'join', topic, group });
      for (const one of early) await keep(one);
    }
    await old.close();
    await rename(next, path);
    this.#journal = journal;
  }

  /** The groups that get a message, with an entry for each. None before the first group has joined. */
  #receivers(fields: Message, place: Place): (Loaded & { group: string })[] {
    const topic = this.#topic(fields.topic);
    const groups = fields.group === undefined ? [...topic.joined] : [fields.group];
    const { clock } = this.context;
    const { number, key, attempt, at, delayMs } = fields;
    const publishedAt = clock.monotonic() - Math.max(0, clock.now() - fields.publishedAt);
    const entry = (): Entry => ({ number, place, key, publishedAt, attempt, headers: {} });
    if (groups.length === 0) topic.early.push({ entry: entry(), at, delayMs });
    return groups.map((group) => ({ group, entry: entry(), at, delayMs }));
  }

  /** @returns what the group gets because it is the first. */
  #join(topic: string, group: string): readonly Loaded[] {
    const { joined, early } = this.#topic(topic);
    joined.add(group);
    this.#topic(topic).early = [];
    return early;
  }

  /** What was stored before: a clock that was set meanwhile makes nothing wait longer than it was asked to. */
  #add(queue: GroupQueue, { entry, at, delayMs }: Loaded): void {
    const passedMs = Math.max(0, this.context.clock.now() - at);
    queue.add(entry, Math.max(0, delayMs - passedMs));
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) this.#topics.set(name, (topic = new Topic()));
    return topic;
  }

  #queue(topic: string, group: string): GroupQueue {
    const { queues } = this.#topic(topic);
    let queue = queues.get(group);
    if (!queue) {
      queue = new GroupQueue(this.context.clock, (entry, consumer) => this.#deliver(entry, consumer));
      queues.set(group, queue);
    }
    return queue;
  }

  #open(): Journal<Fields> {
    if (!this.#journal || this.#closing) throw this.#closedError();
    return this.#journal;
  }

  #refusalOf({ topic, group }: Destination): PublishOutcome | undefined {
    if (!this.#journal || this.#closing) return { kind: 'unavailable', error: this.#closedError() };
    try {
      assertName('topic', topic);
      if (group !== undefined) assertName('group', group);
      return undefined;
    } catch (error) {
      return { kind: 'refused', error: error as Error };
    }
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is not open.`);
  }
}
