import type { HandlerEntry } from '../handlers/handler-entry.js';
import type { HandlerRegistry } from '../handlers/handler-registry.js';
import { RecentPublishes } from '../observing/recent-publishes.js';
import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from '../message/message-limits.js';
import type { MessageType } from '../message/message-type.js';
import { isRequestType, problemsOfType } from '../message/request-type.js';
import { MessagingConfigurationError, MessagingError } from '../ports/errors.js';
import type { MessagingEvent } from '../observing/events.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { PublishBatcher } from './publish-batcher.js';
import { type HeaderTemplate, MessageWriter } from './message-writer.js';
import type { PublishHooks } from '../message/seam.js';
import { RoundTrip } from './round-trip.js';
import type { TransportDirectory } from './transport-directory.js';
import type { Clock, PublishOptions, Transport } from '../ports/transport.js';

/** How messages of one type are published. */
export interface PublishPlan {
  readonly type: MessageType;
  /** It is sent by `request`, and not by `publish`. */
  readonly isRequest: boolean;
  readonly transport: Transport;
  readonly batcher: PublishBatcher;
  readonly writer: MessageWriter;
  readonly template: HeaderTemplate;
  readonly roundTrip: RoundTrip;
  /** How a publish without options of its own goes out. */
  readonly plain: PublishOptions;
}

const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_MAX_IN_FLIGHT = 10_000;
const DEFAULT_MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;

/** Works out once for each message type where its messages go and how they are written. */
export class PublishPlanner {
  readonly limits: MessageLimits;
  /** Longest time that a publish without a deadline of its own may take. */
  readonly deadlineMs: number;
  /** Messages that may be in flight to one transport. */
  readonly maxInFlight: number;
  /** What became of the last publishes. */
  readonly recent: RecentPublishes;
  /** Weak, because an application may define a type for each call. */
  readonly #plans = new WeakMap<MessageType, PublishPlan>();
  readonly #batchers = new Map<Transport, PublishBatcher>();
  readonly #writer: MessageWriter;
  #registry: HandlerRegistry | undefined;
  #isClosed = false;

  constructor(
    private readonly options: MessagingModuleOptions,
    private readonly directory: TransportDirectory,
    readonly clock: Clock,
    readonly emit: (event: MessagingEvent) => void,
  ) {
    this.limits = { ...DEFAULT_MESSAGE_LIMITS, ...options.limits };
    this.deadlineMs = options.publishDeadlineMs ?? DEFAULT_DEADLINE_MS;
    this.maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT;
    this.recent = new RecentPublishes(clock);
    this.#writer = new MessageWriter(options.service, this.limits, clock);
  }

  /** Publishing is possible from now on. */
  open(registry: HandlerRegistry, hooks: PublishHooks): void {
    this.#writer.use(hooks);
    this.#registry = registry;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** A handler of this process subscribes to the topic. */
  isHandledHere(topic: string): boolean {
    return this.#registry?.entries.some((entry) => entry.topic === topic) ?? false;
  }

  /** The handlers of this process for these topics. */
  handlersOf(topics: readonly string[]): readonly HandlerEntry[] {
    return this.#registry?.entries.filter(({ topic }) => topics.includes(topic)) ?? [];
  }

  /** Throws when the type is unusable or the application is not running. */
  planFor(type: MessageType): PublishPlan {
    if (this.#isClosed) {
      throw new MessagingError(
        'NOT_RUNNING',
        `"${type.name}" was not published: the application has shut down.`,
      );
    }
    return this.#plans.get(type) ?? this.#plan(type);
  }

  /** Resolves when nothing is in flight to any transport. */
  async idle(): Promise<void> {
    await Promise.all([...this.#batchers.values()].map((batcher) => batcher.idle()));
  }

  #plan(type: MessageType): PublishPlan {
    if (!this.#registry) {
      throw new MessagingError(
        'NOT_RUNNING',
        `"${type.name}" was not published: the messaging module has not started yet. Publish from onModuleInit or later, in a module that imports it.`,
      );
    }
    const problems = problemsOfType(type);
    if (this.#registry.isMissedByPattern(type)) {
      problems.push(
        `Message type "${type.name}" is not registered, and a wildcard handler would miss it. Add it to MessagingModule.forFeature([...]) or the option messages.`,
      );
    }
    const transport = this.directory.transportFor(type.name);
    if (!transport)
      problems.push(`No route matches "${type.name}". Add one, for example { match: '**', transport: ... }.`);
    const isRequest = isRequestType(type);
    const unanswerable = isRequest && this.directory.whyUnanswerable(type.name);
    if (unanswerable) problems.push(unanswerable);
    if (problems.length > 0 || !transport) throw new MessagingConfigurationError(problems);
    const { deadlineMs } = this;
    const plan = {
      type,
      isRequest,
      transport,
      batcher: this.#batcherFor(transport),
      writer: this.#writer,
      template: this.#writer.templateOf(type),
      roundTrip: new RoundTrip(type),
      plain: type.ordering ? { deadlineMs, ordering: type.ordering } : { deadlineMs },
    };
    this.#plans.set(type, plan);
    return plan;
  }

  #batcherFor(transport: Transport): PublishBatcher {
    let batcher = this.#batchers.get(transport);
    if (!batcher) {
      batcher = new PublishBatcher(transport, {
        clock: this.clock,
        emit: this.emit,
        maxInFlight: this.maxInFlight,
        maxInFlightBytes: this.options.maxInFlightBytes ?? DEFAULT_MAX_IN_FLIGHT_BYTES,
      });
      this.#batchers.set(transport, batcher);
    }
    return batcher;
  }
}
