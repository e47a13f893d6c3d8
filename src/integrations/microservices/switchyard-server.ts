import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import {
  concat,
  defer,
  EMPTY,
  finalize,
  identity,
  isObservable,
  type MonoTypeOperatorFunction,
  type Observable,
  throwError,
} from 'rxjs';
import { catchError } from 'rxjs/operators';
import {
  defineRequest,
  type DiscoveredHandler,
  type FoundHandlers,
  HANDLER_SOURCE,
  type HandlerSource,
  type MessageContext,
  MESSAGING_DRAIN,
  MESSAGING_VIEW,
  MessagingConfigurationError,
  type MessagingView,
} from '../../core/messaging/index.js';
import { ControllerMethods } from './controller-methods.js';
import { OwnLogger } from '../../core/messaging/observing/own-logger.js';
import { ANYTHING } from './anything.js';
import { answeredError, judgedError, refuseForeignPacket } from './errors-of-nest.js';
import { oneReply } from './one-reply.js';
import { shownPattern, topicOrUndefined, wildcardOf } from './patterns.js';
import { SwitchyardContext } from './switchyard-context.js';
import { listenTo, statusOf, type SwitchyardEvents, type SwitchyardStatus } from './transport-status.js';

/** Binds a handler to this transport where an application has several: `@EventPattern('orders.placed', SWITCHYARD)`. */
export const SWITCHYARD = Symbol.for('switchyard');

/** A handler with its guards, pipes, interceptors and filters, as Nest makes it. */
type Callback = (payload: unknown, context: SwitchyardContext) => Promise<unknown>;

/** A handler, what its errors become, and what the values of its Observable do. */
interface Invoked {
  readonly callback: Callback;
  readonly asError: (thrown: unknown) => unknown;
  readonly ofValues: MonoTypeOperatorFunction<unknown>;
}

type StartHook = (transportId: symbol, context: unknown, done: () => Promise<unknown>) => unknown;
type EndHook = (transportId: symbol, context: unknown) => void;

/**
 * The strategy for `@nestjs/microservices`: handlers that Nest finds become handlers of the messaging core, each with a
 * subscription of its own. `connectSwitchyard` connects it to an application.
 */
@Injectable()
export class SwitchyardServer implements CustomTransportStrategy, HandlerSource {
  readonly transportId = SWITCHYARD;
  /** Nest then leaves errors of event handlers to us, which settle the message and log it. */
  readonly propagatesEventHandlerErrors = true;
  readonly #logger = new OwnLogger('Messaging');
  readonly #handlers: DiscoveredHandler[] = [];
  readonly #problems: string[] = [];
  #phase: 'unconnected' | 'connecting' | 'connected' = 'unconnected';
  #isStarted = false;
  #onStart: StartHook | undefined;
  #onEnd: EndHook | undefined;

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly methods: ControllerMethods,
  ) {}

  /** Changes of the connections of transports. */
  get status(): Observable<SwitchyardStatus> {
    return statusOf(() => this.unwrap<MessagingView>());
  }

  /** Listens to events of transports, such as `switched`. */
  on<E extends keyof SwitchyardEvents>(event: E, callback: SwitchyardEvents[E]): void {
    listenTo(this.unwrap<MessagingView>(), event, callback);
  }

  /** The `MessagingView`. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest
  unwrap<T>(): T {
    return this.moduleRef.get<T>(MESSAGING_VIEW, { strict: false });
  }

  /**
   * Called by `connectSwitchyard` before Nest has the server. What Nest registers until `connected` is ignored: its handlers do not
   * let errors come through.
   *
   * @throws MessagingConfigurationError the second time, and once the application has started.
   */
  connecting(): void {
    if (this.#isStarted) throw new MessagingConfigurationError([TOO_LATE]);
    if (this.#phase !== 'unconnected') throw new MessagingConfigurationError([TWICE]);
    this.#phase = 'connecting';
  }

  /** Called by `connectSwitchyard` when everything is there that handlers are made with. */
  connected(): void {
    this.#phase = 'connected';
  }

  /** Called by Nest for every pattern of every handler. */
  addHandler(pattern: unknown, callback: Callback, isEventHandler = false, extras: object = {}): void {
    if (this.#phase === 'connecting') return;
    const name = this.methods.nextName(extras) ?? `the handler of ${shownPattern(pattern)}`;
    if (this.#phase === 'unconnected') this.#problems.push(NOT_CONNECTED);
    const found = targetOf(pattern, isEventHandler);
    if (found.problem !== undefined) {
      this.#problems.push(`Handler ${name} ${found.problem}`);
      return;
    }
    const invoked: Invoked = isEventHandler
      ? { callback, asError: judgedError, ofValues: identity }
      : { callback, asError: answeredError, ofValues: oneReply(name) };
    this.#handlers.push({
      name,
      target: found.target,
      options: extras,
      ...(isEventHandler ? { hasOwnGroup: true } : { isOfRequests: true }),
      invoke: (payload, context) => this.#invoke(invoked, payload, context),
    });
  }

  [HANDLER_SOURCE](): FoundHandlers {
    this.#isStarted = true;
    if (this.#phase === 'unconnected') this.#noteUnconnected();
    return { handlers: this.#handlers, problems: this.#problems };
  }

  /** Nothing is consumed before the application has started, so this only calls back. */
  listen(callback: (error?: Error) => void): void {
    callback();
  }

  /**
   * Ends intake and waits for running handlers. In a hybrid application they have ended by now; an application that is only a
   * microservice begins its shutdown with this.
   */
  close(): Promise<void> {
    const drain = this.moduleRef.get<() => Promise<void>>(MESSAGING_DRAIN, { strict: false });
    return drain();
  }

  setOnProcessingStartHook(hook: StartHook): void {
    this.#onStart = hook;
  }

  setOnProcessingEndHook(hook: EndHook): void {
    this.#onEnd = hook;
  }

  /** A process may import the module for its client only, so handlers that another strategy serves are no mistake. */
  #noteUnconnected(): void {
    for (const name of this.methods.boundTo([SWITCHYARD]))
      this.#problems.push(
        `Handler ${name} is bound to SWITCHYARD, and connectSwitchyard(app) was not called. Call it before app.init() and app.listen().`,
      );
    const unbound = this.methods.boundTo([undefined]);
    if (unbound.length > 0)
      this.#logger.warn(
        `connectSwitchyard(app) was not called, so these handlers get nothing from Switchyard: ${unbound.slice(0, MAX_SHOWN).join(', ')}${unbound.length > MAX_SHOWN ? ' and others' : ''}. Call it before app.init() and app.listen(), unless another strategy serves them.`,
      );
  }

  async #invoke(invoked: Invoked, payload: unknown, message: MessageContext): Promise<unknown> {
    const { callback, asError } = invoked;
    refuseForeignPacket(payload, message);
    const context = new SwitchyardContext([message]);
    try {
      const result = this.#onStart
        ? await this.#betweenHooks(this.#onStart, callback, payload, context)
        : await callback(payload, context);
      if (isObservable(result)) return carriedOut(result, context, invoked);
      if (context.verdict) throw context.verdict;
      return result;
    } catch (error) {
      throw asError(error);
    }
  }

  /** As Nest's own servers call them: the end hook once the result is complete. */
  #betweenHooks(
    onStart: StartHook,
    callback: Callback,
    payload: unknown,
    context: SwitchyardContext,
  ): Promise<unknown> {
    const end = (): void => this.#onEnd?.(this.transportId, context);
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          const result = await callback(payload, context);
          if (isObservable(result)) resolve(result.pipe(finalize(end)));
          else {
            end();
            resolve(result);
          }
        } catch (error) {
          end();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the handler threw, as it is
          reject(error);
        }
      };
      void onStart(this.transportId, context, run);
    });
  }
}

function carriedOut(
  result: Observable<unknown>,
  context: SwitchyardContext,
  { asError, ofValues }: Omit<Invoked, 'callback'>,
): Observable<unknown> {
  const verdict = defer(() => (context.verdict ? throwError(() => context.verdict) : EMPTY));
  return concat(result.pipe(ofValues), verdict).pipe(catchError((error) => throwError(() => asError(error))));
}

/** Names of handlers in one line of the log. */
const MAX_SHOWN = 10;

const NOT_CONNECTED =
  'SwitchyardServer was given to Nest as a strategy, where errors of handlers lose their class. Call connectSwitchyard(app) in place of app.connectMicroservice, and createSwitchyardMicroservice in place of NestFactory.createMicroservice.';

const TOO_LATE =
  'connectSwitchyard was called after the application had started, and its handlers would get nothing. Call it before app.init() and app.listen().';
const TWICE = 'connectSwitchyard was called twice for one application. Call it once.';

/** What a handler of the pattern handles, or the end of a sentence about it. */
function targetOf(
  pattern: unknown,
  isEventHandler: boolean,
):
  | { readonly target: DiscoveredHandler['target']; readonly problem?: undefined }
  | { readonly problem: string } {
  const shown = shownPattern(pattern);
  const wildcard = wildcardOf(pattern);
  if (wildcard !== undefined && !isEventHandler)
    return {
      problem: `is a @MessagePattern with the wildcards ${shown}, and a request has one topic. Write a pattern for each.`,
    };
  if (wildcard !== undefined) return { target: wildcard };
  const topic = topicOrUndefined(pattern);
  if (topic === undefined)
    return {
      problem: `has the pattern ${shown}, which stands for no topic. Use text such as "orders.placed", or an object of names such as { cmd: 'sum' }; topicOf(pattern) says which topic a pattern has.`,
    };
  return { target: isEventHandler ? topic : defineRequest(topic, ANYTHING, ANYTHING) };
}
