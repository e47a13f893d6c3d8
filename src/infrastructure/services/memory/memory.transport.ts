import { MessagingError } from '../../../core/messaging/ports/errors.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
import { LocalInboxes } from '../../../core/messaging/transport-kit/local-inboxes.js';
import type { Inbox, OnReply, Replies } from '../../../core/messaging/ports/replies.js';
import { assertName } from '../../../core/messaging/ports/names.js';
import type {
  Backlog,
  Consumer,
  Destination,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { MemoryConsumer } from './groups/memory-consumer.js';
import type { MemoryOptions } from './memory.options.js';
import { MemoryTopic } from './groups/memory-topic.js';

const ACCEPTED: PublishOutcome = { kind: 'accepted' };
/** Closing waits this long for running handlers, and then abandons them. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Carries messages within the process, with the semantics of a broker: durable groups, retries, delays, order by key,
 * bounds. What it holds is gone when the process is. For tests, and for what may be lost.
 *
 * Bodies and headers are kept as they are handed in and not copied, which would cost a third of its speed: a publisher must
 * not change them afterwards, and the core does not.
 *
 * Not a `CheckedTransport`: that checks names and counts headers with every call, which is work on the only path here, and
 * `maxMessageBytes` of this transport is the size of a body.
 */
export class MemoryTransport implements Transport, Replies {
  readonly name: string;
  readonly system = 'memory';
  readonly isLocal = true;
  readonly durability = 'memory';
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #consumers = new Set<MemoryConsumer>();
  readonly #inboxes: LocalInboxes;
  #state: 'idle' | 'open' | 'closed' = 'idle';
  #messages = 0;
  #bytes = 0;

  constructor(
    private readonly options: MemoryOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    this.#inboxes = new LocalInboxes({ name: context.name, system: this.system });
  }

  connect(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(this.#closedError());
    if (this.#state === 'idle') this.context.onEvent({ type: 'connected' });
    this.#state = 'open';
    return Promise.resolve();
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const error = this.#reasonNotTo(to);
    if (error) return Promise.resolve(messages.map(() => error));
    const topic = this.#topic(to.topic);
    const group = to.group === undefined ? undefined : topic.group(to.group);
    const delayMs = options.delayMs ?? 0;
    const now = this.context.clock.monotonic();
    return Promise.resolve(
      messages.map((message) => {
        const outcome = this.#admit(message);
        if (outcome.kind !== 'accepted') return outcome;
        if (group) group.direct(message, delayMs);
        else topic.publish(message, delayMs, now);
        return outcome;
      }),
    );
  }

  consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#state !== 'open') return Promise.reject(this.#closedError());
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const topic = this.#topic(subscription.topic);
    const group = topic.group(subscription.group);
    topic.join(group);
    const consumer = new MemoryConsumer(this.name, group, subscription, onDelivery);
    this.#consumers.add(consumer);
    consumer.start();
    return Promise.resolve({
      stop: () => consumer.stop().finally(() => this.#consumers.delete(consumer)),
    });
  }

  openInbox(onReply: OnReply): Promise<Inbox> {
    return this.#state === 'open'
      ? Promise.resolve(this.#inboxes.open(onReply))
      : Promise.reject(this.#closedError());
  }

  reply(address: string, reply: WireMessage): Promise<PublishOutcome> {
    return Promise.resolve(
      this.#state === 'open'
        ? this.#inboxes.reply(address, reply)
        : { kind: 'unavailable', error: this.#closedError() },
    );
  }

  isSubscribed(topic: string): Promise<boolean> {
    return Promise.resolve((this.#topics.get(topic)?.groups.size ?? 0) > 0);
  }

  backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const known = this.#topics.get(topic)?.groups.get(group);
    return Promise.resolve(known?.backlog() ?? { ready: 0, inFlight: 0, delayed: 0 });
  }

  ping(): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#closedError());
    if (this.#messages < this.options.maxMessages && this.#bytes < this.options.maxBytes)
      return Promise.resolve();
    return Promise.reject(this.#fullError());
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.context.onEvent({ type: 'disconnected' });
    this.#state = 'closed';
    const stopped = Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await settlesWithin(stopped, CLOSE_TIMEOUT_MS, this.context.clock);
    for (const topic of this.#topics.values()) topic.clear();
    this.#topics.clear();
    this.#inboxes.clear();
  }

  #topic(name: string): MemoryTopic {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = new MemoryTopic(this.context.clock, (held) => {
        this.#messages -= 1;
        this.#bytes -= held.message.body.length;
      });
      this.#topics.set(name, topic);
    }
    return topic;
  }

  #reasonNotTo(to: Destination): PublishOutcome | undefined {
    if (this.#state !== 'open') return { kind: 'unavailable', error: this.#closedError() };
    if (this.#topics.has(to.topic) && to.group === undefined) return undefined;
    try {
      assertName('topic', to.topic);
      if (to.group !== undefined) assertName('group', to.group);
      return undefined;
    } catch (error) {
      return { kind: 'refused', error: error as Error };
    }
  }

  #admit(message: WireMessage): PublishOutcome {
    const { length } = message.body;
    const { maxMessages, maxBytes, maxMessageBytes } = this.options;
    if (length > maxMessageBytes) {
      const error = new MessagingError(
        'MESSAGE_TOO_LARGE',
        `Message ${message.id} has ${length} bytes; transport "${this.name}" takes ${maxMessageBytes}. Send a reference instead, or raise maxMessageBytes.`,
      );
      return { kind: 'refused', error };
    }
    if (this.#messages >= maxMessages || this.#bytes + length > maxBytes) {
      return { kind: 'unavailable', error: this.#fullError() };
    }
    this.#messages += 1;
    this.#bytes += length;
    return ACCEPTED;
  }

  #fullError(): MessagingError {
    return new MessagingError(
      'TRANSPORT_FULL',
      `Transport "${this.name}" holds ${this.#messages} messages with ${this.#bytes} bytes, as many as it may. Let handlers catch up, or raise maxMessages and maxBytes.`,
    );
  }

  #closedError(): MessagingError {
    return new MessagingError(
      'TRANSPORT_CLOSED',
      this.#state === 'closed'
        ? `Transport "${this.name}" is closed.`
        : `Transport "${this.name}" is not connected yet.`,
    );
  }
}
