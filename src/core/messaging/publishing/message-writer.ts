import { HEADER, TRACEPARENT } from '../message/headers.js';
import { uuidV7 } from '../message/ids.js';
import { TimeText } from '../message/time-text.js';
import { describeIssues, listIssues } from '../message/schema-issues.js';
import type { MessageContext } from '../message/message-context.js';
import type { MessageLimits } from '../message/message-limits.js';
import type { MessageType } from '../message/message-type.js';
import { InvalidMessageError } from '../ports/errors.js';
import { readHeaders } from './application-headers.js';
import { NO_HOOKS, type OutgoingMessage, type PublishHooks } from '../message/seam.js';
import { checkKey, type CheckedPublishOptions } from './publish-options.js';
import type { Clock, WireMessage } from '../ports/transport.js';

type ValidationResult = Awaited<ReturnType<MessageType['schema']['~standard']['validate']>>;

/** The headers that every message of one type has. */
export type HeaderTemplate = Readonly<Record<string, string>>;

/** Makes wire messages out of payloads. Everything that can be wrong with a message is found here, before it is sent. */
export class MessageWriter {
  readonly #source: string;
  readonly #limits: MessageLimits;
  readonly #clock: Clock;
  #hooks: PublishHooks = NO_HOOKS;
  readonly #time = new TimeText();

  constructor(source: string, limits: MessageLimits, clock: Clock) {
    this.#source = source;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** From now on, adds what these say. */
  use(hooks: PublishHooks): void {
    this.#hooks = hooks;
  }

  /** The headers that every message of the type has; copying them costs less than building them. */
  templateOf(type: MessageType): HeaderTemplate {
    return {
      [HEADER.contentType]: type.codec.contentType,
      [HEADER.type]: type.name,
      [HEADER.source]: this.#source,
      [HEADER.time]: '',
    };
  }

  /** Throws `PAYLOAD_INVALID` when validation found issues. */
  refuseInvalid(type: MessageType, result: ValidationResult): void {
    if (!result.issues) return;
    throw new InvalidMessageError(
      'PAYLOAD_INVALID',
      `The payload is not a valid "${type.name}" and was not sent: ${describeIssues(result.issues)}`,
      listIssues(result.issues),
    );
  }

  /**
   * The message for a valid payload. It carries the payload as it was given, not what the schema made of it: the
   * consumer's validation transforms it, and transforming twice would be wrong.
   *
   * @param cause the message being handled, whose correlation and trace the new one continues.
   */
  write(
    { type, template }: { readonly type: MessageType; readonly template: HeaderTemplate },
    payload: unknown,
    options: CheckedPublishOptions,
    cause: MessageContext | undefined,
  ): WireMessage {
    const body = this.#encode(type, payload);
    const now = this.#clock.now();
    const headers: Record<string, string> = { ...template };
    headers[HEADER.time] = this.#time.of(now);
    if (cause) continueFrom(cause, headers, this.#hooks.propagate);
    if (options.correlationId !== undefined) headers[HEADER.correlationId] = options.correlationId;
    if (options.expiresInMs !== undefined) {
      headers[HEADER.expiry] = new Date(now + options.expiresInMs).toISOString();
    }
    if (options.headers !== undefined) Object.assign(headers, options.headers);
    const id = options.messageId ?? uuidV7(now);
    const key = options.key ?? type.key?.(payload);
    if (key !== undefined) checkKey(key);
    this.#add({ topic: type.name, messageId: id, key, headers }, options.headers);
    return key === undefined ? { id, headers, body } : { id, key, headers, body };
  }

  /** Adds what the hooks say, below what the publisher has given. */
  #add(
    message: OutgoingMessage & { readonly headers: Record<string, string> },
    given: CheckedPublishOptions['headers'],
  ): void {
    if (this.#hooks.beforePublish.length === 0) return;
    const added: Record<string, string> = {};
    for (const hook of this.#hooks.beforePublish) {
      const headers = hook(message);
      if (headers !== undefined) Object.assign(added, readHeaders(headers, this.#limits));
    }
    Object.assign(message.headers, added, given);
  }

  #encode(type: MessageType, payload: unknown): Uint8Array {
    const body = type.codec.encode(payload);
    if (body.length <= this.#limits.maxBodyBytes) return body;
    throw new InvalidMessageError(
      'MESSAGE_TOO_LARGE',
      `The payload of "${type.name}" has ${body.length} bytes, more than the ${this.#limits.maxBodyBytes} allowed. Store it elsewhere and send a reference, or raise limits.maxBodyBytes.`,
    );
  }
}

/** What a handler publishes continues correlation, causation and trace of the message that it handles. */
function continueFrom(
  cause: MessageContext,
  headers: Record<string, string>,
  propagate: readonly string[],
): void {
  for (const name of propagate) {
    const value = cause.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  headers[HEADER.correlationId] = cause.correlationId;
  headers[HEADER.causationId] = cause.messageId;
  const traceparent = cause.headers[HEADER.traceparent];
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return;
  headers[HEADER.traceparent] = traceparent;
  const tracestate = cause.headers[HEADER.tracestate];
  if (tracestate !== undefined) headers[HEADER.tracestate] = tracestate;
}
