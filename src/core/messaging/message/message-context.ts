import { HEADER } from './headers.js';
import type { HandlerIdentity } from '../observing/events.js';
import { OWN_HEADERS, ownNumber } from '../ports/headers.js';
import type { Delivery } from '../ports/transport.js';

/** What a handler may know about the message besides its payload. */
export class MessageContext {
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;

  constructor(
    private readonly delivery: Delivery,
    private readonly to: HandlerIdentity,
    /** Number of this attempt, 1 for the first. */
    readonly attempt: number,
  ) {}

  /** Stable across retries, failover and replays: use it as the idempotency key of what the handler does. */
  get messageId(): string {
    return this.delivery.message.id;
  }

  get topic(): string {
    return this.to.topic;
  }

  get group(): string {
    return this.to.group;
  }

  /** `Class.method` of the handler. */
  get handler(): string {
    return this.to.handler;
  }

  get key(): string | undefined {
    return this.delivery.message.key;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.delivery.message.headers;
  }

  /** Name of the transport that delivered the message. */
  get transport(): string {
    return this.delivery.transport;
  }

  /** Encoded payload, as it arrived. */
  get body(): Uint8Array {
    return this.delivery.message.body;
  }

  /** Shared by every message of one conversation; the id of the first message unless the publisher set another. */
  get correlationId(): string {
    return this.headers[HEADER.correlationId] ?? this.messageId;
  }

  /** Id of the message whose handler published this one. */
  get causationId(): string | undefined {
    return this.headers[HEADER.causationId];
  }

  /** Service that published the message. */
  get source(): string | undefined {
    return this.headers[HEADER.source];
  }

  /** When the asker stops waiting, by its clock. Only a request has one. */
  get deadline(): Date | undefined {
    const ms = ownNumber(this.headers, OWN_HEADERS.deadline);
    return ms === undefined ? undefined : new Date(ms);
  }

  get publishedAt(): Date | undefined {
    const ms = Date.parse(this.headers[HEADER.time] ?? '');
    return Number.isNaN(ms) ? undefined : new Date(ms);
  }

  /**
   * Aborts when the handler has run past its `timeoutMs`, the asker of a request has stopped waiting, or the process stops waiting for it. Pass it on to whatever
   * the handler waits for. Made on first use: most handlers never look.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason && !this.#controller.signal.aborted) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }

  /** Aborts `signal`. Called by the core. */
  abort(reason: Error): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}
