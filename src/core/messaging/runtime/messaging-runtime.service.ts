import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { allInside } from '../ports/composite-transport.js';
import { Connections } from './connections.js';
import { ConsumerRunner } from '../delivery/consumer-runner.js';
import { DeadLetterService } from '../dead-letters/dead-letter.service.js';
import { MESSAGING_CLOCK, MESSAGING_EXTRAS, MESSAGING_OPTIONS } from '../messaging.tokens.js';
import { DeliveryProcessor } from '../delivery/delivery-processor.js';
import { HandlerExplorer } from '../handlers/handler.explorer.js';
import { HandlerInvokerService } from '../handlers/handler-invoker.service.js';
import { HandlerRegistry } from '../handlers/handler-registry.js';
import { MessagingConfigurationError, MessagingError, errorCodeOf } from '../ports/errors.js';
import type { MessagingModuleExtras, MessagingModuleOptions } from '../messaging.options.js';
import type { MessagingState, MessagingView, ReportedProblem, SubscriptionView } from '../messaging.view.js';
import type { MessagingObserver } from '../observing/events.js';
import { OwnLogger } from '../observing/own-logger.js';
import { ObserverList } from '../observing/observer-list.js';
import { problemsOfOptions } from './options-problems.js';
import { PublishPlanner } from '../publishing/publish-planner.js';
import { deadLettersOf } from '../delivery/refused-messages.js';
import type { Route } from '../routing/routing-table.js';
import { settlesWithin } from '../transport-kit/deadline.js';
import { TransportDirectory } from '../publishing/transport-directory.js';
import { type Clock, type RefusedMessage, reportsProblems, type Transport } from '../ports/transport.js';

const DEFAULT_DRAIN_TIMEOUT_MS = 25_000;
/** After handlers were abandoned, their settlements get this long; closing a transport or store gets as much. */
const CLOSE_TIMEOUT_MS = 5_000;
/** In the background the boot waits this long for brokers that are up, so that the first publishes find them. */
const BOOT_GRACE_MS = 1_000;

/**
 * Life of the messaging core inside the application: checks everything and connects when modules start, consumes from
 * `onApplicationBootstrap` on, and on shutdown stops intake, drains handlers, lets the last publishes through and closes.
 */
@Injectable()
export class MessagingRuntimeService
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown,
    MessagingView
{
  readonly #logger = new OwnLogger('Messaging');
  readonly #connections: Connections;
  readonly #processor: DeliveryProcessor;
  #registry: HandlerRegistry | undefined;
  #consumers: ConsumerRunner | undefined;
  #state: MessagingState = 'starting';

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(MESSAGING_OPTIONS) private readonly options: MessagingModuleOptions,
    @Inject(MESSAGING_EXTRAS) private readonly extras: MessagingModuleExtras,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    private readonly observers: ObserverList,
    private readonly directory: TransportDirectory,
    private readonly planner: PublishPlanner,
    private readonly explorer: HandlerExplorer,
    private readonly invoker: HandlerInvokerService,
    private readonly deadLetters: DeadLetterService,
  ) {
    this.#connections = new Connections(clock, (name, error) => this.#notConnected(name, error));
    this.#processor = new DeliveryProcessor({
      parking: deadLetters,
      idempotency: options.idempotency,
      limits: planner.limits,
      clock,
      emit: observers.emit,
    });
  }

  /** Checks, reports every mistake together, and connects, so that other modules can publish as they start. */
  async onModuleInit(): Promise<void> {
    await this.#prepare();
    const { transports, deadLetters, idempotency, connect } = this.options;
    const stores = [
      { name: 'deadLetters', connect: () => deadLetters.connect() },
      ...(idempotency ? [{ name: 'idempotency', connect: () => idempotency.connect() }] : []),
    ];
    const all = [...transports, ...stores];
    if (connect === 'background') {
      const connected = Promise.all(all.map((one) => this.#connections.keepTrying(one)));
      await settlesWithin(connected, BOOT_GRACE_MS, this.clock);
      return;
    }
    try {
      await this.#connections.require(all);
    } catch (error) {
      await this.#closeAll();
      throw error;
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const consumers = this.#consumers;
    if (!consumers) return;
    const isPatient = this.options.connect === 'background';
    const starting = this.options.transports.map(async (transport) => {
      // Connecting twice is harmless, and in the background it is how we learn that the broker has come.
      if (!(await this.#connections.keepTrying(transport))) return;
      await (isPatient ? consumers.startPatiently(transport) : consumers.start(transport));
    });
    if (!isPatient) await Promise.all(starting);
    this.#state = 'running';
  }

  onModuleDestroy(): void {
    this.#state = 'draining';
  }

  /** Runs while HTTP requests may still be under way, so publishing stays open. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#connections.stop();
    if (!this.#consumers) return;
    const drained = this.#consumers.stop();
    if (await settlesWithin(drained, this.options.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS, this.clock))
      return;
    const abandoned = this.#processor.abandon();
    this.#logger.warn(
      `${abandoned} handlers did not finish in time; their messages will be delivered again.`,
    );
    await settlesWithin(drained, CLOSE_TIMEOUT_MS, this.clock);
  }

  async onApplicationShutdown(): Promise<void> {
    await settlesWithin(this.planner.idle(), this.planner.deadlineMs, this.clock);
    this.planner.close();
    await this.#closeAll();
    this.#state = 'stopped';
  }

  state(): MessagingState {
    return this.#state;
  }

  transports(): readonly Transport[] {
    return this.options.transports;
  }

  subscriptions(): readonly SubscriptionView[] {
    return this.#consumers?.subscriptions() ?? [];
  }

  problems(): readonly ReportedProblem[] {
    const reported = allInside(this.options.transports).flatMap((transport) =>
      reportsProblems(transport)
        ? transport.problems().map((problem) => ({ ...problem, transport: transport.name }))
        : [],
    );
    const { deadLetters, idempotency } = this.options;
    const stores = { 'dead-letters': deadLetters, idempotency };
    const ofStores = Object.entries(stores).flatMap(([name, store]) =>
      store && reportsProblems(store)
        ? store.problems().map((problem) => ({ ...problem, transport: name }))
        : [],
    );
    return [...reported, ...ofStores, ...(this.#consumers?.problems() ?? [])];
  }

  routes(): readonly Route[] {
    return this.directory.routes;
  }

  topics(): readonly string[] {
    return this.#registry?.topics() ?? [];
  }

  observe(observer: MessagingObserver): () => void {
    return this.observers.observe(observer);
  }

  async #prepare(): Promise<void> {
    const registersHandlers = (this.extras.registerHandlers ?? this.options.registerHandlers) !== false;
    this.invoker.useGlobalEnhancers(this.options.globalEnhancers ?? false);
    const registry = new HandlerRegistry({
      service: this.options.service,
      defaults: this.options.defaults ?? {},
      handlers: registersHandlers ? await this.explorer.handlers() : [],
      types: [...(this.options.messages ?? []), ...this.explorer.registeredMessages()],
      hasIdempotencyStore: this.options.idempotency !== undefined,
    });
    const { problems: given = [] } = this.options;
    // Without options there are no routes, which would only repeat the mistakes in them.
    const own = given.length > 0 ? given : [...problemsOfOptions(this.options), ...this.#unrouted(registry)];
    const problems = [...own, ...registry.problems];
    if (problems.length > 0) throw new MessagingConfigurationError([...new Set(problems)]);
    this.#registry = registry;
    this.options.transportEvents?.keepRefusedWith((refused) => this.#keepRefused(registry, refused));
    this.planner.open(registry);
    this.#consumers = new ConsumerRunner(registry.entries, (topic) => this.directory.transportsOf(topic), {
      processor: this.#processor,
      clock: this.clock,
      emit: this.observers.emit,
      isDown: (transport) => this.options.transportEvents?.isDown(transport) ?? false,
    });
  }

  #unrouted({ entries }: HandlerRegistry): string[] {
    return entries
      .filter(({ topic }) => !this.directory.transportFor(topic))
      .map(
        ({ topic, handler }) =>
          `No route matches "${topic}" of ${handler}. Add one, for example { match: '**', transport: ... }.`,
      );
  }

  /** With handlers it is a problem of their consumers, which names topic and group; else it is a line of the log. */
  #notConnected(name: string, error: unknown): void {
    const transport = this.options.transports.find((one) => one.name === name);
    if (transport && this.#consumers?.unreachable(transport, error)) return;
    this.#logger.warn(`No connection to "${name}" (${errorCodeOf(error)}); trying again.`);
  }

  async #keepRefused({ entries }: HandlerRegistry, refused: RefusedMessage): Promise<void> {
    const { service } = this.options;
    const deadLetters = deadLettersOf(refused, { handlers: entries, service, now: this.clock.now() });
    await Promise.all(deadLetters.map((deadLetter) => this.deadLetters.park(deadLetter)));
  }

  async #closeAll(): Promise<void> {
    const closable = [...this.options.transports, this.options.deadLetters, this.options.idempotency];
    const closing = closable.map(async (one) => {
      const closed = Promise.resolve(one?.close()).catch((error: unknown) => {
        this.#logger.warn(`Closing failed (${errorCodeOf(error)}).`);
      });
      if (!(await settlesWithin(closed, CLOSE_TIMEOUT_MS, this.clock))) {
        this.#logger.warn(
          new MessagingError('DEADLINE_EXCEEDED', 'A transport or store did not close in time.').message,
        );
      }
    });
    await Promise.all(closing);
  }
}
