import 'reflect-metadata';
import type { FactoryProvider } from '@nestjs/common';
import type { AnyMessageType, PayloadOf } from '../message/message-type.js';
import type { Backoff, ErrorMatch, ErrorRule } from '../retry-policy.js';

/** Stops a handler while what it depends on is down. */
export interface KillSwitchOptions {
  /** Failures in a row that open it. @default 20 */
  readonly after?: number;
  /**
   * Error classes, or predicates, of what says that a database or a service is down. A failure that matches uses no
   * attempt, also before the switch opens.
   */
  readonly errors: readonly ErrorMatch[];
  /** While it is open, one message at a time is handed to the handler so often. @default 5_000 */
  readonly probeEveryMs?: number;
}

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
  /** Keeps messages on their broker while what the handler depends on is down. Off by default. */
  readonly killSwitch?: KillSwitchOptions;
}

/** Settings that need other providers, resolved once at boot. */
export type MessageHandlerOptionsFactory = Pick<
  FactoryProvider<MessageHandlerOptions>,
  'inject' | 'useFactory'
>;

/** What one `@MessageHandler` says. */
export interface DecoratedMethod {
  readonly property: string | symbol;
  /** The function that was decorated. A decorator above may put another in its place. */
  readonly method: unknown;
  readonly target: AnyMessageType | string;
  readonly options: MessageHandlerOptions | MessageHandlerOptionsFactory;
  /** Of `@RequestHandler`: what the method returns is the reply. */
  readonly isOfRequests?: true;
}

/** A string, so that a second copy of the package in the process reads what the first has written. */
export const DECORATED_METHODS = 'switchyard:message-handlers';

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
  return noteHandler({ target, options });
}

/** A decorator that notes the method for the explorer. */
export function noteHandler(
  noted: Pick<DecoratedMethod, 'target' | 'options' | 'isOfRequests'>,
): MethodDecorator {
  return (owner, property, descriptor: { value?: unknown } | undefined) => {
    const decorated: DecoratedMethod = { property, method: descriptor?.value, ...noted };
    // Noted at the object that has the method, and not at the function: a decorator above may put another function in
    // its place, and a subclass may override it.
    const earlier = (Reflect.getOwnMetadata(DECORATED_METHODS, owner) ?? []) as DecoratedMethod[];
    Reflect.defineMetadata(DECORATED_METHODS, [...earlier, decorated], owner);
  };
}
