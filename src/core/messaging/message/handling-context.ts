import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageContext } from './message-context.js';

/** The message being handled on the current asynchronous path; what it publishes inherits from it. */
export const handlingContext = new AsyncLocalStorage<MessageContext>();
