import type { ApplicationHeaders } from './headers.js';
import type { MessageContext } from './message-context.js';

/** A function, an object, or the class or token of a provider of default scope. */
export type SeamEntry<TObject = object, TFunction = unknown> =
  TFunction | TObject | (new (...args: never[]) => TObject) | string | symbol;

/**
 * Runs around every handler: with its guards, pipes, interceptors and filters inside, within its timeout, once an attempt.
 *
 * @param context of the message.
 * @param next runs what is inside, at most once. It rejects with what the handler throws, and resolves to its last value.
 * @returns the result of the attempt: what it throws fails the attempt. Without a call of `next` the handler does not run and the message counts as handled.
 */
export type AroundFunction = (context: MessageContext, next: () => Promise<unknown>) => unknown;

/** An {@link AroundFunction} as a provider. */
export interface HandlerAround {
  around: AroundFunction;
}

/** A message that is about to be published. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly messageId: string;
  readonly key: string | undefined;
  /** As they are without what hooks add. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Called with every message before it is sent, where `publish` is called: what the request keeps in an
 * `AsyncLocalStorage` is there. Synchronous. What it throws rejects the publish.
 *
 * @returns headers to add, by the rules of the option `headers`. Those of the publisher come first, then later hooks.
 */
export type BeforePublish = (message: OutgoingMessage) => ApplicationHeaders | undefined;

/** A {@link BeforePublish} as a provider. */
export interface PublishHook {
  beforePublish: BeforePublish;
}

/** What is added to messages besides what their publisher gives. */
export interface PublishHooks {
  readonly beforePublish: readonly BeforePublish[];
  /** Headers that continue from the message being handled. */
  readonly propagate: readonly string[];
}

export const NO_HOOKS: PublishHooks = { beforePublish: [], propagate: [] };
