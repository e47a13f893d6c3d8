import { applyDecorators, type FactoryProvider, SetMetadata } from '@nestjs/common';
import type { AnyMessageType, PayloadOf } from '../message/message-type.js';
import type { Backoff, ErrorRule } from '../retry-policy.js';

/** Per-handler settings. What is left out comes from `defaults` of the module. */
export interface MessageHandlerOptions {
  /** Consumer group: handlers of different groups each get every message. Defaults to `service` of the module. */
  readonly group?: string;
  /** Ceiling of messages in flight, per process. Defaults to 16. */
  readonly concurrency?: number;
  /** `key` keeps messages with equal keys in order, at the price of running them one by one. Defaults to `none`. */
  readonly ordering?: 'none' | 'key';
  /** Attempts in all, the first included. Defaults to 5. */
  readonly attempts?: number;
  /** Defaults to exponential from 1 s to 60 s with full jitter. */
  readonly backoff?: Backoff;
  /** Rules by error class or predicate; the first that matches decides, before attempts are counted. */
  readonly errors?: readonly ErrorRule[];
  /** Longest run of the handler. 0 for no limit. Defaults to 30 s. */
  readonly timeoutMs?: number;
  /**
   * Remembers handled messages for this long and skips further copies. 0 for off, the default: it costs two writes to
   * the idempotency store a message, and a handler whose effects are idempotent does not need it.
   */
  readonly idempotencyWindowMs?: number;
}

/** Settings that need other providers, resolved once at boot. */
export type MessageHandlerOptionsFactory = Pick<
  FactoryProvider<MessageHandlerOptions>,
  'inject' | 'useFactory'
>;

/** What the decorator writes; read by the explorer. */
export interface MessageHandlerMetadata {
  readonly target: AnyMessageType | string;
  readonly options: MessageHandlerOptions | MessageHandlerOptionsFactory;
}

export const MESSAGE_HANDLER_METADATA = 'switchyard:message-handlers';

/** Only the payload is typed: further parameters are the `MessageContext`, or whatever parameter decorators make of them. */
type HandlerMethod<TPayload> = (payload: TPayload, ...rest: never[]) => unknown;
type HandlerDecorator<TPayload> = <TMethod extends HandlerMethod<TPayload>>(
  target: object,
  propertyKey: string | symbol,
  descriptor: TypedPropertyDescriptor<TMethod>,
) => void;

/**
 * Makes a method of a provider or controller the handler of a message type. The method's return is the
 * acknowledgement: returning means handled, throwing means failed.
 *
 * @param target a message type, a topic's name, or a pattern (`orders.*`, `audit.**`) that is expanded at boot over the
 *   registered message types. Only with a message type is the payload typed, and validated when a schema is known.
 * @param options settings, or `{ inject, useFactory }` to compute them from other providers.
 */
export function MessageHandler<TType extends AnyMessageType>(
  target: TType,
  options?: MessageHandlerOptions | MessageHandlerOptionsFactory,
): HandlerDecorator<PayloadOf<TType>>;
export function MessageHandler(
  target: string,
  options?: MessageHandlerOptions | MessageHandlerOptionsFactory,
): HandlerDecorator<never>;
export function MessageHandler(
  target: AnyMessageType | string,
  options: MessageHandlerOptions | MessageHandlerOptionsFactory = {},
): MethodDecorator {
  return (prototype, propertyKey, descriptor) => {
    const method = descriptor.value as object;
    const earlier = Reflect.getMetadata(MESSAGE_HANDLER_METADATA, method) as
      MessageHandlerMetadata[] | undefined;
    const metadata: MessageHandlerMetadata = { target, options };
    applyDecorators(SetMetadata(MESSAGE_HANDLER_METADATA, [...(earlier ?? []), metadata]) as MethodDecorator)(
      prototype,
      propertyKey,
      descriptor,
    );
  };
}
