import { brandInstances } from '../ports/brand.js';
import type { MessageContext } from '../message/message-context.js';
import type { AnyMessageType } from '../message/message-type.js';
import type { MessageHandlerOptions } from './message-handler.decorator.js';

/** A decorated method as found in the application, options computed, not yet checked. */
export interface DiscoveredHandler {
  /** `Class.method`. */
  readonly name: string;
  /** A regular expression stands for the registered message types whose names it matches. */
  readonly target: AnyMessageType | string | RegExp;
  readonly options: MessageHandlerOptions;
  /** What it returns is the reply of a request. */
  readonly isOfRequests?: true;
  /**
   * Where its options name no group, it has one of its own, named after service and handler. Else several handlers of a
   * topic would need different groups in their options.
   */
  readonly hasOwnGroup?: boolean;
  readonly invoke: (payload: unknown, context: MessageContext) => unknown;
}

/** Handlers, and a sentence about each that cannot be called. */
export interface FoundHandlers {
  readonly handlers: readonly DiscoveredHandler[];
  readonly problems: readonly string[];
}

/** Key of the method by which a provider adds handlers that are not decorated with `@MessageHandler`. */
export const HANDLER_SOURCE = Symbol.for('switchyard:handler-source');

/** A provider that adds handlers. It is asked once, when the application starts. */
export interface HandlerSource {
  [HANDLER_SOURCE](): FoundHandlers;
}

/** Message types that a feature module registers without handling them. Found by the explorer. */
export class RegisteredMessages {
  static {
    brandInstances(this, 'RegisteredMessages');
  }

  constructor(readonly types: readonly AnyMessageType[]) {}
}
