import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageContext } from './message-context.js';

/** The message being handled on the current asynchronous path; what it publishes inherits from it. */
export const handlingContext = new AsyncLocalStorage<MessageContext>();

/**
 * The context of the message being handled on this asynchronous path, undefined outside of handlers. For loggers and
 * whatever else does not get it as a parameter.
 */
export function currentMessage(): MessageContext | undefined {
  return handlingContext.getStore();
}
