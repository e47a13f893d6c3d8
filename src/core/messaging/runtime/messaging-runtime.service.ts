/** One file because the order in which everything begins and ends is to be read in one place. */

import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { holdProcess } from '../ports/clock.js';
import { allInside, isComposite } from '../ports/composite-transport.js';
import { Connections } from './connections.js';
import { ConsumerRunner } from '../delivery/consumer-runner.js';
import { DeadLetterService } from '../dead-letters/dead-letter.service.js';
import { OperationsService } from '../operations/operations.service.js';
import type { DeadLetterStorage } from '../ports/dead-letter-limits.js';
import { DEAD_LETTERS } from '../dead-letters/storage-problems.js';
import { CONTROL_STORE, MESSAGING_CLOCK, MESSAGING_EXTRAS, MESSAGING_OPTIONS } from '../messaging.tokens.js';
import { allotmentsOf } from '../control/shared-allotment.js';
import { SubscriptionLimitsWatch } from '../control/subscription-limits.js';
import type { ControlStore } from '../ports/control-store.js';
import { DeliveryProcessor } from '../delivery/delivery-processor.js';
import { HandlerExplorer } from '../handlers/handler.explorer.js';
import { HandlerInvokerService } from '../handlers/handler-invoker.service.js';
import type { AnyMessageType } from '../message/message-type.js';
import { wrapInvoke } from '../handlers/around.js';
import { HandlerRegistry } from '../handlers/handler-registry.js';
import { MessagingConfigurationError, MessagingError, NotKeptError, errorCodeOf } from '../ports/errors.js';
import { StoreOutage } from '../dead-letters/store-outage.js';
import { onDrainSignal } from './drain-signal.js';
import type { MessagingModuleExtras, MessagingModuleOptions } from '../messaging.options.js';
import type {
  IntakeDrain,
  LocalStore,
  MessagingState,
  MessagingView,
  ReportedProblem,
  SubscriptionView,
} from '../messaging.view.js';
import type { MessagingObserver } from '../observing/events.js';
import { OwnLogger } from '../observing/own-logger.js';
import { ObserverList } from '../observing/observer-list.js';
import { problemsOfOptions } from './options-problems.js';
import { PublishPlanner } from '../publishing/publish-planner.js';
import { Requests } from '../publishing/requests.js';
import { RequestProcessor } from '../delivery/request-processor.js';
import { deadLettersOf } from '../delivery/refused-messages.js';
import type { Route } from '../routing/routing-table.js';
import { SeamService } from './seam.service.js';
import { ShutdownService } from './shutdown.module.js';
import { settlesWithin } from '../transport-kit/deadline.js';
import { TransportDirectory } from '../publishing/transport-directory.js';
import { type Clock, type RefusedMessage, reportsProblems, type Transport } from '../ports/transport.js';

const DEFAULT_DRAIN_TIMEOUT_MS = 25_000;
/** Everything after the drain: settlements of abandoned handlers, the last publishes, and closing. */
const CLOSE_TIMEOUT_MS = 5_000;
/** What of that the settlements of abandoned handlers may take. */
const ABANDON_TIMEOUT_MS = 2_000;
/** Closing transports and stores gets at least this much, whatever the steps before it took. */
const MIN_CLOSE_MS = 1_500;
/** Left over, so that a stop that uses up its time ends within it. */
const STOP_MARGIN_MS = 250;
/** In the background the boot waits this long for brokers that are up, so that the first publishes find them. */
const BOOT_GRACE_MS = 1_000;

/**
 * Life of the messaging core inside the application: checks everything and connects when modules start, consumes from
 * `onApplicationBootstrap` on, and on shutdown stops intake, drains handlers, lets the last publishes through and closes.
 */
@Injectable()
export class MessagingRuntimeService
  implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown, MessagingView, IntakeDrain
{
  readonly #logger = new OwnLogger('Messaging');
  readonly #connections: Connections;
  readonly #processor: DeliveryProcessor;
  readonly #requests: RequestProcessor;
  /** Of messages that transports refuse. */
  readonly #refusedOutage: StoreOutage;
  #registry: HandlerRegistry | undefined;
  #consumers: ConsumerRunner | undefined;
  #state: MessagingState = 'starting';
  #letProcessEnd: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #ignoreDrainSignal = (): void => undefined;
  /** When everything has to be closed, on the monotonic clock. Set when the stop begins. */
  #closedBy: number | undefined;

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(MESSAGING_OPTIONS) private readonly options: MessagingModuleOptions,
    @Inject(MESSAGING_EXTRAS) private readonly extras: MessagingModuleExtras,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    @Inject(CONTROL_STORE) private readonly control: ControlStore,
    private readonly limits: SubscriptionLimitsWatch,
    private readonly observers: ObserverList,
    private readonly directory: TransportDirectory,
    private readonly planner: PublishPlanner,
    private readonly asked: Requests,
    private readonly explorer: HandlerExplorer,
    private readonly invoker: HandlerInvokerService,
    private readonly deadLetters: DeadLetterService,
    private readonly operations: OperationsService,
    private readonly seam: SeamService,
    shutdown: ShutdownService,
  ) {
    shutdown.beforeDestroy(() => this.drain());
    this.#connections = new Connections(clock, (name, error) => this.#notConnected(name, error));
    this.#refusedOutage = new StoreOutage(clock);
    this.#processor = new DeliveryProcessor({
      parking: deadLetters,
      idempotency: options.idempotency,
      limits: planner.limits,
      clock,
      emit: observers.emit,
    });
    this.#requests = new RequestProcessor({
      service: options.service,
      replies: directory,
      limits: planner.limits,
      clock,
      emit: observers.emit,
    });
  }

  /** Checks, reports every mistake together, and connects, so that other modules can publish as they start. */
  async onModuleInit(): Promise<void> {
    // The waits for brokers do not keep the process alive, and there may be no server yet that does.
    const letProcessEnd = holdProcess();
    try {
      await this.#prepare();
      this.#noteLocalStores();
      await this.#connectAll();
    } finally {
      letProcessEnd();
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    this.deadLetters.startRetention();
    void this.operations.start();
    const consumers = this.#consumers;
    if (!consumers) return;
    // A process without a server has nothing else that keeps it alive while it waits for messages.
    if (this.#registry?.entries.length && !this.clock.isVirtual) this.#letProcessEnd = holdProcess();
    await this.limits.start((place, { pause, concurrency, ratePerSecond }) =>
      consumers.limit(place, { isPaused: pause !== undefined, concurrency, ratePerSecond }),
    );
    const isPatient = this.options.connect === 'background';
    const starting = this.options.transports.map(async (transport) => {
      // Connecting twice is harmless, and in the background it is how we learn that the broker has come.
      if (!(await this.#connections.keepTrying(transport))) return;
      await (isPatient ? consumers.startPatiently(transport) : consumers.start(transport));
    });
    if (!isPatient) await Promise.all(starting);
    this.#state = 'running';
    this.#ignoreDrainSignal = onDrainSignal(this.options.drainSignal, (signal) => {
      this.#logger.log(`${signal}: this process consumes nothing more, and still publishes.`);
      void this.drainIntake();
    });
  }

  drainIntake(): Promise<void> {
    return this.#consumers?.drain() ?? Promise.resolve();
  }

  /** Publishing stays open until here: by now requests have ended and other modules are destroyed. */
  async onApplicationShutdown(): Promise<void> {
    const idleMs = Math.min(this.planner.deadlineMs, this.#leftMs() - MIN_CLOSE_MS);
    await settlesWithin(this.planner.idle(), Math.max(0, idleMs), this.clock);
    await settlesWithin(this.asked.close(), MIN_CLOSE_MS, this.clock);
    this.planner.close();
    this.#ignoreDrainSignal();
    await this.#closeAll();
    this.#state = 'stopped';
    this.#letProcessEnd?.();
  }

  state(): MessagingState {
    return this.#state;
  }

  transports(): readonly Transport[] {
    return this.options.transports;
  }

  subscriptions(): readonly SubscriptionView[] {
    return this.limits.addTo(this.#consumers?.subscriptions() ?? []);
  }

  problems(): readonly ReportedProblem[] {
    const reported = allInside(this.options.transports).flatMap((transport) =>
      reportsProblems(transport)
        ? transport.problems().map((problem) => ({ ...problem, transport: transport.name }))
        : [],
    );
    const { deadLetters, idempotency } = this.options;
    const stores = { 'dead-letters': deadLetters, idempotency, control: this.control };
    const ofStores = Object.entries(stores).flatMap(([name, store]) =>
      store && reportsProblems(store)
        ? store.problems().map((problem) => ({ ...problem, transport: name }))
        : [],
    );
    const ofLimits = this.deadLetters.storage().problems.map((one) => ({ ...one, transport: DEAD_LETTERS }));
    return [...reported, ...ofStores, ...ofLimits, ...(this.#consumers?.problems() ?? [])];
  }

  deadLetterStorage(): DeadLetterStorage {
    return this.deadLetters.storage();
  }

  localStores(): readonly LocalStore[] {
    const { transports, deadLetters, idempotency } = this.options;
    const hasBroker = allInside(transports).some((one) => !isComposite(one) && one.isLocal !== true);
    if (!hasBroker) return [];
    return [
      ...(deadLetters.isLocal === true ? (['dead-letters'] as const) : []),
      ...(idempotency?.isLocal === true ? (['idempotency'] as const) : []),
    ];
  }

  routes(): readonly Route[] {
    return this.directory.routes;
  }

  topics(): readonly string[] {
    return this.#registry?.topics() ?? [];
  }

  messageType(name: string): AnyMessageType | undefined {
    return this.#registry?.typeNamed(name);
  }

  observe(observer: MessagingObserver): () => void {
    return this.observers.observe(observer);
  }

  async #connectAll(): Promise<void> {
    const { transports, deadLetters, idempotency, connect } = this.options;
    const stores = [
      { name: 'deadLetters', connect: () => deadLetters.connect() },
      { name: 'control', connect: () => this.control.connect() },
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

  /** Ends intake, then waits for running handlers and replays. The first call does it, and later ones wait for its end. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  /**
   * Runs before any module of the application is destroyed, so that handlers find what they use; requests may still be
   * under way, so publishing stays open.
   */
  async #drain(): Promise<void> {
    const drainTimeoutMs = this.options.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS;
    this.#state = 'draining';
    this.#letProcessEnd ??= holdProcess();
    this.#closedBy = this.clock.monotonic() + drainTimeoutMs + CLOSE_TIMEOUT_MS - STOP_MARGIN_MS;
    this.#connections.stop();
    this.limits.stop();
    this.deadLetters.onModuleDestroy();
    const drained = Promise.all([this.#consumers?.stop(), this.operations.onModuleDestroy()]);
    if (await this.#ends(drained, drainTimeoutMs)) return;
    const abandoned = this.#processor.abandon() + this.#requests.abandon();
    this.#logger.warn(
      `${abandoned} handlers did not finish in time; their messages will be delivered again.`,
    );
    await this.#ends(drained, ABANDON_TIMEOUT_MS);
  }

  /** True when the work ended within the time; an error is logged, because the stop continues all the same. */
  #ends(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
    return settlesWithin(work, timeoutMs, this.clock).catch((error: unknown) => {
      this.#logger.warn(`Stopping failed (${errorCodeOf(error)}).`);
      return true;
    });
  }

  /** Milliseconds until everything has to be closed. */
  #leftMs(): number {
    return this.#closedBy === undefined ? CLOSE_TIMEOUT_MS : this.#closedBy - this.clock.monotonic();
  }

  async #prepare(): Promise<void> {
    const registersHandlers = (this.extras.registerHandlers ?? this.options.registerHandlers) !== false;
    this.invoker.useGlobalEnhancers(this.options.globalEnhancers ?? false);
    const seam = this.seam.resolve(this.options);
    const found = registersHandlers ? await this.explorer.discover() : { handlers: [], problems: [] };
    const registry = new HandlerRegistry({
      service: this.options.service,
      defaults: this.options.defaults ?? {},
      handlers: found.handlers.map((handler) => ({
        ...handler,
        invoke: wrapInvoke(handler.invoke, seam.around),
      })),
      types: [...(this.options.messages ?? []), ...this.explorer.registeredMessages()],
      hasIdempotencyStore: this.options.idempotency !== undefined,
    });
    const { problems: given = [] } = this.options;
    // Without options there are no routes, which would only repeat the mistakes in them.
    const own = given.length > 0 ? given : this.#ownProblems(registry);
    const problems = [...own, ...seam.problems, ...found.problems, ...registry.problems];
    if (problems.length > 0) throw new MessagingConfigurationError([...new Set(problems)]);
    this.#registry = registry;
    this.options.transportEvents?.keepRefusedWith((refused) => this.#keepRefused(registry, refused));
    this.planner.open(registry, seam.hooks);
    this.#consumers = new ConsumerRunner(registry.entries, (topic) => this.directory.transportsOf(topic), {
      deliveries: this.#processor,
      requests: this.#requests,
      clock: this.clock,
      emit: this.observers.emit,
      isDown: (transport) => this.options.transportEvents?.isDown(transport) ?? false,
      allotmentOf: allotmentsOf(this.control, this.clock),
    });
  }

  #ownProblems(registry: HandlerRegistry): string[] {
    const buses = this.explorer.buses();
    const several = buses > 1 ? [severalBuses(buses)] : [];
    return [
      ...several,
      ...problemsOfOptions(this.options),
      ...this.#unrouted(registry),
      ...this.#unanswerable(registry),
    ];
  }

  #unanswerable(registry: HandlerRegistry): string[] {
    return registry.requests().flatMap(({ name }) => this.directory.whyUnanswerable(name) ?? []);
  }

  #unrouted({ entries }: HandlerRegistry): string[] {
    return entries
      .filter(({ topic }) => !this.directory.transportFor(topic))
      .map(
        ({ topic, handler }) =>
          `No route matches "${topic}" of ${handler}. Add one, for example { match: '**', transport: ... }.`,
      );
  }

  #noteLocalStores(): void {
    const stores = this.localStores();
    if (stores.length === 0) return;
    this.#logger.warn(
      `Only this process sees the store of ${stores.join(' and ')}, and messages come from a broker: each of several processes has its own, and none has all. Use a store that they share, or set shared: false on the store where one process is enough.`,
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
    try {
      await Promise.all(deadLetters.map((deadLetter) => this.deadLetters.park(deadLetter)));
    } catch (error) {
      throw new NotKeptError(error, this.#refusedOutage.failed());
    }
    this.#refusedOutage.over();
  }

  async #closeAll(): Promise<void> {
    const closable = [
      ...this.options.transports,
      this.options.deadLetters,
      this.options.idempotency,
      this.control,
    ];
    const timeoutMs = Math.min(CLOSE_TIMEOUT_MS, Math.max(MIN_CLOSE_MS, this.#leftMs()));
    const closing = closable.map(async (one) => {
      const closed = Promise.resolve(one?.close()).catch((error: unknown) => {
        this.#logger.warn(`Closing failed (${errorCodeOf(error)}).`);
      });
      if (!(await settlesWithin(closed, timeoutMs, this.clock))) {
        this.#logger.warn(
          new MessagingError('DEADLINE_EXCEEDED', 'A transport or store did not close in time.').message,
        );
      }
    });
    await Promise.all(closing);
  }
}

function severalBuses(count: number): string {
  return `MessagingModule.forRoot or forRootAsync is imported ${count} times with different options, and an application has one bus. Import it once, in the root module, with all transports and routes; features import MessagingModule.forFeature.`;
}
