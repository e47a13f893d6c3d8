import type { FactoryProvider } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { PayloadOf } from '../message/message-type.js';
import type { AnyRequestType, ReturnedOf } from '../message/request-type.js';
import { type MessageHandlerOptions, noteHandler } from './message-handler.decorator.js';

/**
 * Settings of a request handler; what is left out comes from `defaults` of the module. A request is not tried again here, so
 * there are no attempts and no backoff: `errors` only decides whether the failure says that another try may succeed (`retry`).
 */
export type RequestHandlerOptions = Pick<
  MessageHandlerOptions,
  'group' | 'concurrency' | 'timeoutMs' | 'errors'
>;

/** Settings that need other providers, resolved once at boot. */
export type RequestHandlerOptionsFactory = Pick<
  FactoryProvider<RequestHandlerOptions>,
  'inject' | 'useFactory'
>;

type RequestMethod<T extends AnyRequestType> = (
  payload: PayloadOf<T>,
  ...rest: never[]
) => ReturnedOf<T> | Promise<ReturnedOf<T>> | Observable<ReturnedOf<T>>;

/**
 * Makes a method of a provider or controller the handler of a request. What it returns is the reply; of an Observable, its last
 * value. What it throws is the failure that the asker gets, see {@link RequestError}.
 *
 * @param type what `defineRequest` returns. One handler in an application answers it.
 * @param options settings, or `{ inject, useFactory }` to compute them from other providers.
 */
export function RequestHandler<TType extends AnyRequestType>(
  type: TType,
  options: RequestHandlerOptions | RequestHandlerOptionsFactory = {},
): <TMethod extends RequestMethod<TType>>(
  target: object,
  propertyKey: string | symbol,
  descriptor: TypedPropertyDescriptor<TMethod>,
) => void {
  return noteHandler({ target: type, options, isOfRequests: true });
}
