import type { ClientProxy, ClientsProviderAsyncOptions, ReadPacket } from '@nestjs/microservices';
import { connectable, defer, Observable, ReplaySubject } from 'rxjs';
import {
  type AnyMessageType,
  type AnyRequestType,
  defineMessage,
  defineRequest,
  InvalidMessageError,
  MESSAGING_EMIT,
  MESSAGING_VIEW,
  MessagingError,
  type MessagingEvent,
  MessagingService,
  type MessagingView,
  type PublishReceipt,
} from '../../core/messaging/index.js';
import { ANYTHING } from './anything.js';
import { sentError } from './errors-of-nest.js';
import { metadataHeaders } from './packet-metadata.js';
import { shownPattern, topicOf, topicOrUndefined } from './patterns.js';
import { SwitchyardRecord } from './switchyard-record.js';
import { listenTo, statusOf, type SwitchyardEvents, type SwitchyardStatus } from './transport-status.js';

/** What a client publishes with, and how. */
export interface SwitchyardClientOptions {
  readonly messaging: MessagingService;
  readonly view: MessagingView;
  /** Emits to the observers of the application. */
  readonly emit: (event: MessagingEvent) => void;
  /** Longest wait for the reply of a `send` whose record sets none, in milliseconds. @default 5_000 */
  readonly timeoutMs?: number;
}

type NestProxy = ClientProxy<SwitchyardEvents, SwitchyardStatus>;

/**
 * Nest's `ClientProxy` to the compiler, so that it can stand wherever one is asked for. Nothing of it is needed when the program
 * runs, where a class of an optional package could not be extended.
 */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- it stands for a class that is loaded late
const Proxy = class {} as unknown as abstract new () => NestProxy;

/**
 * A `ClientProxy` over the messaging core: what it emits is published with the application's routes, failover and spool. Register it
 * by {@link switchyardClient}, or with `{ provide: 'ORDERS', useExisting: SwitchyardClient }`.
 */
export class SwitchyardClient extends Proxy {
  readonly #types = new Map<string, AnyMessageType>();
  readonly #requestTypes = new Map<string, AnyRequestType>();
  #onDispatch: ((packet: ReadPacket) => void) | undefined;

  constructor(private readonly options: SwitchyardClientOptions) {
    super();
  }

  /** Changes of the connections of transports. */
  override get status(): Observable<SwitchyardStatus> {
    return statusOf(() => this.options.view);
  }

  /** The application connects its transports itself; an `emit` before it has started fails with a sentence. */
  override connect(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing: the application closes its transports, once its handlers have ended. */
  override close(): void {
    // Nest calls it when the application shuts down.
  }

  override on<E extends keyof SwitchyardEvents>(event: E, callback: SwitchyardEvents[E]): void {
    listenTo(this.options.view, event, callback);
  }

  /** The `MessagingView`. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest
  override unwrap<T>(): T {
    return this.options.view as T;
  }

  override setOnDispatchHook(hook: (packet: ReadPacket) => void): void {
    this.#onDispatch = hook;
  }

  /**
   * Publishes an event, whether or not the result is subscribed to. One that fails is logged, and counted by the metrics.
   *
   * @param pattern see `topicOf`.
   * @param data the payload, or a {@link SwitchyardRecord}. Not null, as with all clients of Nest.
   * @returns what emits the receipt, or the error of `MessagingService.publish`.
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest
  override emit<TResult = PublishReceipt, TInput = unknown>(
    pattern: unknown,
    data: TInput,
  ): Observable<TResult> {
    const publishing = connectable(
      defer(() => this.#publish(pattern, data)),
      { connector: () => new ReplaySubject(1), resetOnDisconnect: false },
    );
    publishing.subscribe({ error: (error: unknown) => this.#failed(pattern, error) });
    publishing.connect();
    return publishing as Observable<unknown> as Observable<TResult>;
  }

  /**
   * Sends a request each time its result is subscribed to, and gives it up when that is unsubscribed. `timeoutMs` of the record or of
   * the client bounds the wait.
   *
   * @param data as for {@link emit}; of the options of a record, those that a request has: key, headers and timeout.
   * @returns what emits the reply, and completes without a value where the handler returns none. It fails with the object of an
   *   `RpcException`, and else with the error of `MessagingService.request`.
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest
  override send<TResult = unknown, TInput = unknown>(pattern: unknown, data: TInput): Observable<TResult> {
    return new Observable<TResult>((subscriber) => {
      const abort = new AbortController();
      defer(() => this.#request(pattern, data, abort.signal)).subscribe({
        next: (reply) => {
          if (reply !== undefined) subscriber.next(reply as TResult);
        },
        error: (error: unknown) => subscriber.error(sentError(error)),
        complete: () => subscriber.complete(),
      });
      return () => abort.abort();
    });
  }

  protected override publish(): () => void {
    throw new Error('Not called: send does not use it.');
  }

  protected override dispatchEvent<T>(): Promise<T> {
    throw new Error('Not called: emit does not use it.');
  }

  #publish(pattern: unknown, data: unknown): Promise<PublishReceipt> {
    const { topic, record, headers } = this.#outgoing(pattern, data);
    const { timeoutMs: deadlineMs, options } = record;
    return this.options.messaging.publish(this.#typeOf(topic), record.data, {
      ...options,
      ...(deadlineMs !== undefined && { deadlineMs }),
      headers: { ...(options.headers as Readonly<Record<string, string>>), ...headers },
    });
  }

  #request(pattern: unknown, data: unknown, signal: AbortSignal): Promise<unknown> {
    const { topic, record, headers } = this.#outgoing(pattern, data);
    const { delayMs, messageId, headers: own, ...options } = record.options;
    if (delayMs !== undefined || messageId !== undefined)
      throw new InvalidMessageError(
        'OPTION_INVALID',
        `The request "${topic}" was not sent: a request has neither a delay nor an id of its own. Leave setDelay and setMessageId out, or emit it.`,
      );
    return this.options.messaging.request(this.#requestTypeOf(topic), record.data, {
      ...options,
      headers: { ...(own as Readonly<Record<string, string>>), ...headers },
      timeoutMs: record.timeoutMs ?? this.options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal,
    });
  }

  /** @throws InvalidMessageError for what cannot be published; it is emitted to observers as by `MessagingService.publish`. */
  #outgoing(pattern: unknown, data: unknown): Outgoing {
    try {
      const packet = this.#packetOf(pattern, data);
      return {
        topic: topicOf(packet.pattern),
        record: recordOf(packet.data),
        headers: metadataHeaders(packet),
      };
    } catch (error) {
      const errorCode = error instanceof MessagingError ? error.code : 'INTERNAL';
      this.options.emit({ type: 'publish-rejected', topic: labelOf(pattern), errorCode });
      throw error;
    }
  }

  #packetOf(pattern: unknown, data: unknown): ReadPacket {
    const packet: ReadPacket = { pattern, data };
    if (isNil(pattern) || isNil(data)) {
      throw new InvalidMessageError(
        'PAYLOAD_INVALID',
        `${isNil(pattern) ? 'A message without a pattern' : `The message for ${shownPattern(pattern)} is ${String(data)} and`} cannot be emitted: clients of Nest send neither null nor undefined. Send an object, or use MessagingService, which sends null.`,
      );
    }
    this.#onDispatch?.(packet);
    return packet;
  }

  /** The registered type, so that the payload is validated; else one that takes everything. */
  #typeOf(topic: string): AnyMessageType {
    const registered = this.options.view.messageType(topic);
    if (registered) return registered;
    return made(this.#types, topic, () => defineMessage(topic, ANYTHING));
  }

  #requestTypeOf(topic: string): AnyRequestType {
    const registered = this.options.view.messageType(topic);
    if (registered && 'output' in registered) return registered as AnyRequestType;
    return made(this.#requestTypes, topic, () => defineRequest(topic, ANYTHING, ANYTHING));
  }

  #failed(pattern: unknown, error: unknown): void {
    const reported = error instanceof Error ? error : new Error(String(error));
    this.options.emit({ type: 'publish-failed', topic: labelOf(pattern), error: reported });
  }
}

/**
 * For `ClientsModule.registerAsync([switchyardClient('ORDERS')])`, in place of the options of another transport.
 *
 * @param name what the client is injected by.
 * @param settings `timeoutMs` for its `send`.
 */
export function switchyardClient(
  name: string | symbol,
  settings: Pick<SwitchyardClientOptions, 'timeoutMs'> = {},
): ClientsProviderAsyncOptions {
  return {
    name,
    inject: [MessagingService, MESSAGING_VIEW, MESSAGING_EMIT],
    useFactory: (
      messaging: MessagingService,
      view: MessagingView,
      emit: (event: MessagingEvent) => void,
    ) => ({
      customClass: SwitchyardClient,
      options: { ...settings, messaging, view, emit },
    }),
  };
}

interface Outgoing {
  readonly topic: string;
  readonly record: SwitchyardRecord;
  readonly headers: Readonly<Record<string, string>>;
}

/** The topic, or else what can be shown of the pattern. */
function labelOf(pattern: unknown): string {
  return topicOrUndefined(pattern) ?? shownPattern(pattern);
}

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TYPES = 1_000;

/** Patterns are fixed in most programs; one that makes them up must not fill the memory. */
function made<T>(types: Map<string, T>, topic: string, make: () => T): T {
  let type = types.get(topic);
  if (!type) {
    if (types.size >= MAX_TYPES) types.clear();
    types.set(topic, (type = make()));
  }
  return type;
}

function recordOf(data: unknown): SwitchyardRecord {
  return data instanceof SwitchyardRecord ? data : new SwitchyardRecord(data, {});
}

function isNil(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
