import { type MessageContext, PermanentError, RetryAfterError } from '../../core/messaging/index.js';
import { METADATA_HEADER } from './packet-metadata.js';

/** What handlers of `@nestjs/microservices` get with `@Ctx()`. */
export class SwitchyardContext {
  #verdict: Error | undefined;

  constructor(private readonly args: readonly [MessageContext]) {}

  /** For code that treats all contexts of Nest alike. */
  getArgs(): [MessageContext] {
    return [...this.args];
  }

  getArgByIndex(index: number): MessageContext | undefined {
    return this.args[index];
  }

  /** The message, with everything that is known about it besides the payload. */
  getMessage(): MessageContext {
    return this.args[0];
  }

  /** The topic, which is the pattern of what was emitted. */
  getPattern(): string {
    return this.getMessage().topic;
  }

  /** The topic, as the context of Nest's Kafka transport calls it. */
  getTopic(): string {
    return this.getPattern();
  }

  /** The topic, as the context of Nest's Redis transport calls it. */
  getChannel(): string {
    return this.getPattern();
  }

  getHeaders(): Readonly<Record<string, string>> {
    return this.getMessage().headers;
  }

  /** Number of this attempt, 1 for the first. */
  getAttempt(): number {
    return this.getMessage().attempt;
  }

  /** Stable across retries, failover and replays. */
  getMessageId(): string {
    return this.getMessage().messageId;
  }

  /** What a dispatch hook of the client has added to the packet. */
  getMetadata(): Readonly<Record<string, string>> | undefined {
    const text = this.getHeaders()[METADATA_HEADER];
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as Record<string, string>;
    } catch {
      return undefined; // of another publisher
    }
  }

  /** Aborts when the handler has run past its timeout, or the process stops waiting for it. */
  get signal(): AbortSignal {
    return this.getMessage().signal;
  }

  /** Fails this attempt once the handler has returned, as a thrown `RetryAfterError` does. For code that must not throw. */
  retry({ delayMs }: { readonly delayMs: number }): void {
    this.#verdict = new RetryAfterError(delayMs);
  }

  /** Makes the message a dead letter once the handler has returned, as a thrown `PermanentError` does. */
  terminate(reason: string): void {
    this.#verdict = new PermanentError(reason);
  }

  /** What `retry` or `terminate` asked for. */
  get verdict(): Error | undefined {
    return this.#verdict;
  }

  /** @throws PermanentError always: the handler's return is the acknowledgement. */
  getChannelRef(): never {
    throw notHere('getChannelRef');
  }

  /** @throws PermanentError always. */
  getConsumer(): never {
    throw notHere('getConsumer');
  }

  /** @throws PermanentError always. */
  getProducer(): never {
    throw notHere('getProducer');
  }

  /** @throws PermanentError always. */
  getPartition(): never {
    throw notHere('getPartition');
  }

  /** @throws PermanentError always. */
  getHeartbeat(): never {
    throw notHere('getHeartbeat');
  }
}

/** Permanent, because another attempt would call it again. */
function notHere(method: string): PermanentError {
  return new PermanentError(
    `${method}() of the context is not available: a handler acknowledges by returning and fails by throwing, and there is no channel of a broker. Remove the call; docs/using/nest-microservices.md says what to write in its place.`,
  );
}
