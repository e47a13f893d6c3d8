import { brandInstances } from '../ports/brand.js';
import type { MessageContext } from '../message/message-context.js';
import type { AnyMessageType } from '../message/message-type.js';
import type { MessageHandlerOptions } from './message-handler.decorator.js';

/** A decorated method as found in the application, options computed, not yet checked. */
export interface DiscoveredHandler {
  /** `Class.method`. */
  readonly name: string;
  readonly target: AnyMessageType | string;
  readonly options: MessageHandlerOptions;
  /** What it returns is the reply of a request. */
  readonly isOfRequests?: true;
  readonly invoke: (payload: unknown, context: MessageContext) => unknown;
}

/** Message types that a feature module registers without handling them. Found by the explorer. */
export class RegisteredMessages {
  static {
    brandInstances(this, 'RegisteredMessages');
  }

  constructor(readonly types: readonly AnyMessageType[]) {}
}
