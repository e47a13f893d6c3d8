import { randomUUID } from 'node:crypto';
import { HEADER } from '../core/messaging/message/headers.js';
import { MessageContext } from '../core/messaging/message/message-context.js';
import type { AnyMessageType, InputOf } from '../core/messaging/message/message-type.js';
import type { WireMessage } from '../core/messaging/ports/transport.js';

/** What a {@link messageContext} says. Everything has a default. */
export interface MessageContextOptions<TPayload = unknown> {
  /** Encoded as the `body`. @default an empty body */
  readonly payload?: TPayload;
  /** @default a random UUID */
  readonly messageId?: string;
  /** @default what the message type makes of the payload, if there is one */
  readonly key?: string;
  /** Besides those of the package. */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default 1 */
  readonly attempt?: number;
  /** @default 'test' */
  readonly group?: string;
  /** @default 'Test.handler' */
  readonly handler?: string;
  /** Service that published it. @default 'test' */
  readonly source?: string;
  /** @default now */
  readonly publishedAt?: Date;
  /** Name of the transport that delivered it. @default 'main' */
  readonly transport?: string;
}

/** The context with which a test calls the method of a handler itself, without a bus. */
export function messageContext<TType extends AnyMessageType>(
  type: TType,
  options: MessageContextOptions<InputOf<TType>> = {},
): MessageContext {
  const { attempt = 1, group = 'test', handler = 'Test.handler', transport = 'main' } = options;
  const delivery = { message: messageOf(type, options), attempt, transport };
  return new MessageContext(delivery, { topic: type.name, group, handler }, attempt);
}

function messageOf(type: AnyMessageType, options: MessageContextOptions): WireMessage {
  const { payload, messageId = randomUUID(), source = 'test', publishedAt = new Date() } = options;
  const headers = {
    [HEADER.contentType]: type.codec.contentType,
    [HEADER.type]: type.name,
    [HEADER.source]: source,
    [HEADER.time]: publishedAt.toISOString(),
    ...options.headers,
  };
  const body = payload === undefined ? new Uint8Array() : type.codec.encode(payload);
  const key = options.key ?? keyOf(type, payload);
  return { id: messageId, headers, body, ...(key !== undefined && { key }) };
}

function keyOf(type: AnyMessageType, payload: unknown): string | undefined {
  return payload === undefined ? undefined : type.key?.(payload as never);
}
