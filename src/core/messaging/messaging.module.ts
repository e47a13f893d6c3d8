import {
  type DynamicModule,
  type FactoryProvider,
  Module,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { systemClock } from './ports/clock.js';
import { SubscriptionControlService } from './control/subscription-control.service.js';
import { SubscriptionLimitsWatch } from './control/subscription-limits.js';
import { AuditHistory } from './dead-letters/audit-history.js';
import { AuditLog } from './dead-letters/audit-log.js';
import { MessagingConfigurationError } from './ports/errors.js';
import type { DeadLetterLimits } from './ports/dead-letter-limits.js';
import { DeadLetterService } from './dead-letters/dead-letter.service.js';
import { OperationsService } from './operations/operations.service.js';
import {
  CONTROL_STORE,
  DEAD_LETTER_LIMITS,
  DEAD_LETTER_STORE,
  INTAKE_DRAIN,
  MESSAGING_CLOCK,
  MESSAGING_DRAIN,
  MESSAGING_EMIT,
  REPLAY_PUBLISHER,
  MESSAGING_EXTRAS,
  MESSAGING_OPTIONS,
} from './messaging.tokens.js';
import { MessageLookupService } from './lookup/message-lookup.service.js';
import { FailureLogService } from './observing/failure-log.service.js';
import { RegisteredMessages } from './handlers/discovered-handler.js';
import { HandlerExplorer } from './handlers/handler.explorer.js';
import { HandlerInvokerService } from './handlers/handler-invoker.service.js';
import type { AnyMessageType } from './message/message-type.js';
import type { MessagingModuleExtras, MessagingModuleOptions } from './messaging.options.js';
import { MessagingRuntimeService } from './runtime/messaging-runtime.service.js';
import { SeamService } from './runtime/seam.service.js';
import { ShutdownModule } from './runtime/shutdown.module.js';
import { MessagingService } from './publishing/messaging.service.js';
import { problemsOfRedaction } from './redaction/redaction-options.js';
import { Redactor } from './redaction/redactor.js';
import { optionsForStart } from './renewable-backends.js';
import { MESSAGING_VIEW } from './messaging.view.js';
import { OwnLogger } from './observing/own-logger.js';
import { ObserverList } from './observing/observer-list.js';
import { PublishPlanner } from './publishing/publish-planner.js';
import { Requests } from './publishing/requests.js';
import { TransportDirectory } from './publishing/transport-directory.js';
import type { ControlStore } from './ports/control-store.js';
import type { Clock } from './ports/transport.js';
import { MemoryControlStore } from './transport-kit/memory-control-store.js';

/** Computes the options: `useClass` and `useExisting` name a provider that implements it. */
export interface MessagingOptionsFactory {
  createMessagingOptions(): MessagingModuleOptions | Promise<MessagingModuleOptions>;
}

/** One of `useFactory`, `useClass` and `useExisting`. */
export interface MessagingModuleAsyncOptions extends MessagingModuleExtras, Pick<ModuleMetadata, 'imports'> {
  readonly useFactory?: FactoryProvider<MessagingModuleOptions>['useFactory'];
  readonly inject?: FactoryProvider['inject'];
  readonly useClass?: Type<MessagingOptionsFactory>;
  readonly useExisting?: Type<MessagingOptionsFactory>;
}

/**
 * The messaging core, for applications that compose transports and stores themselves; others import `SwitchyardModule`.
 * Import it once, in the root module.
 */
@Module({})
export class MessagingModule {
  static forRoot(options: MessagingModuleOptions & MessagingModuleExtras): DynamicModule {
    return assemble(
      [{ provide: MESSAGING_OPTIONS, useFactory: () => optionsForStart(given(options)) }],
      options,
    );
  }

  static forRootAsync(options: MessagingModuleAsyncOptions): DynamicModule {
    return assemble(optionsProviders(options), options, options.imports);
  }

  /** Registers message types that a feature publishes, so that wildcard handlers elsewhere see them. */
  static forFeature(types: readonly AnyMessageType[]): DynamicModule {
    const registered = { provide: Symbol('switchyard:messages'), useValue: new RegisteredMessages(types) };
    return { module: MessagingModule, providers: [registered] };
  }
}

function optionsProviders(options: MessagingModuleAsyncOptions): Provider[] {
  if (options.useFactory) {
    const { useFactory } = options;
    return [
      {
        provide: MESSAGING_OPTIONS,
        useFactory: async (...injected: unknown[]) => given(await useFactory(...injected)),
        inject: [...(options.inject ?? [])],
      },
    ];
  }
  const factory = options.useExisting ?? options.useClass;
  if (!factory)
    throw new TypeError('MessagingModule.forRootAsync needs one of useFactory, useClass and useExisting.');
  return [
    ...(options.useClass ? [options.useClass] : []),
    {
      provide: MESSAGING_OPTIONS,
      useFactory: async (created: MessagingOptionsFactory) => given(await created.createMessagingOptions()),
      inject: [factory],
    },
  ];
}

/** JavaScript may give anything. */
function given(options: MessagingModuleOptions | undefined): MessagingModuleOptions {
  if (typeof options !== 'object')
    throw new MessagingConfigurationError([
      `the options of MessagingModule are ${typeof options}. Give them to forRoot, or return them from the factory of forRootAsync.`,
    ]);
  const transports: unknown = options.transports;
  if (Array.isArray(transports)) return options;
  throw new MessagingConfigurationError([
    `Option transports is ${typeof transports}; give a list of transports.`,
  ]);
}

function assemble(
  providers: Provider[],
  { isGlobal, registerHandlers }: MessagingModuleExtras = {},
  imports: ModuleMetadata['imports'] = [],
): DynamicModule {
  return {
    module: MessagingModule,
    global: isGlobal ?? true,
    imports: [DiscoveryModule, ShutdownModule, ...imports],
    providers: [
      ...providers,
      { provide: MESSAGING_EXTRAS, useValue: registerHandlers === undefined ? {} : { registerHandlers } },
      ...parts,
      HandlerExplorer,
      HandlerInvokerService,
      DeadLetterService,
      OperationsService,
      FailureLogService,
      MessagingRuntimeService,
      SeamService,
      SubscriptionControlService,
      MessageLookupService,
      MessagingService,
      { provide: MESSAGING_VIEW, useExisting: MessagingRuntimeService },
      {
        provide: MESSAGING_DRAIN,
        useFactory: (runtime: MessagingRuntimeService) => () => runtime.drain(),
        inject: [MessagingRuntimeService],
      },
      { provide: INTAKE_DRAIN, useExisting: MessagingRuntimeService },
    ],
    exports: [
      MessagingService,
      DeadLetterService,
      OperationsService,
      SubscriptionControlService,
      MessageLookupService,
      AuditLog,
      AuditHistory,
      MESSAGING_VIEW,
      MESSAGING_DRAIN,
      MESSAGING_EMIT,
      MESSAGING_CLOCK,
      DEAD_LETTER_STORE,
      DEAD_LETTER_LIMITS,
      Redactor,
    ],
  };
}

/** The plain parts of the core, wired from the options. */
const parts: Provider[] = [
  {
    provide: MESSAGING_CLOCK,
    useFactory: (options: MessagingModuleOptions) => options.clock ?? systemClock,
    inject: [MESSAGING_OPTIONS],
  },
  {
    provide: ObserverList,
    useFactory: (options: MessagingModuleOptions, redactor: Redactor) => {
      const logger = new OwnLogger('Messaging');
      const observers = new ObserverList((observer, error) =>
        logger.error(
          `Observer ${observer.constructor.name} failed and is ignored from now on: ${redactor.text(String(error))}`,
        ),
      );
      for (const observer of options.observers ?? []) observers.observe(observer);
      options.transportEvents?.connect(observers.emit);
      return observers;
    },
    inject: [MESSAGING_OPTIONS, Redactor],
  },
  {
    provide: MESSAGING_EMIT,
    useFactory: (observers: ObserverList) => observers.emit,
    inject: [ObserverList],
  },
  {
    provide: DEAD_LETTER_STORE,
    useFactory: (options: MessagingModuleOptions) => options.deadLetters,
    inject: [MESSAGING_OPTIONS],
  },
  {
    provide: CONTROL_STORE,
    useFactory: (options: MessagingModuleOptions, clock: Clock) =>
      options.control ?? new MemoryControlStore({ clock }),
    inject: [MESSAGING_OPTIONS, MESSAGING_CLOCK],
  },
  {
    provide: SubscriptionLimitsWatch,
    useFactory: (store: ControlStore, clock: Clock, observers: ObserverList) =>
      new SubscriptionLimitsWatch(store, clock, observers.emit),
    inject: [CONTROL_STORE, MESSAGING_CLOCK, ObserverList],
  },
  {
    provide: DEAD_LETTER_LIMITS,
    // Settings are passed on as they are, and have more keys.
    useFactory: ({ deadLetterLimits = {} }: MessagingModuleOptions): DeadLetterLimits => {
      const { maxAgeMs, maxCount, maxBytes, dropPending } = deadLetterLimits;
      return { maxAgeMs, maxCount, maxBytes, dropPending };
    },
    inject: [MESSAGING_OPTIONS],
  },
  {
    provide: Redactor,
    // The runtime reports options with problems, and nothing starts.
    useFactory: ({ redaction }: MessagingModuleOptions) =>
      new Redactor(problemsOfRedaction(redaction).length > 0 ? {} : redaction),
    inject: [MESSAGING_OPTIONS],
  },
  {
    provide: TransportDirectory,
    useFactory: (options: MessagingModuleOptions, clock: Clock) => new TransportDirectory(options, clock),
    inject: [MESSAGING_OPTIONS, MESSAGING_CLOCK],
  },
  {
    provide: AuditHistory,
    useFactory: (store: ControlStore, clock: Clock, observers: ObserverList) =>
      new AuditHistory(store, clock, observers.emit),
    inject: [CONTROL_STORE, MESSAGING_CLOCK, ObserverList],
  },
  {
    provide: AuditLog,
    useFactory: (
      options: MessagingModuleOptions,
      clock: Clock,
      observers: ObserverList,
      history: AuditHistory,
    ) => new AuditLog(clock, observers.emit, options.auditSink, history),
    inject: [MESSAGING_OPTIONS, MESSAGING_CLOCK, ObserverList, AuditHistory],
  },
  { provide: REPLAY_PUBLISHER, useExisting: TransportDirectory },
  {
    provide: PublishPlanner,

    useFactory: (
      options: MessagingModuleOptions,
      directory: TransportDirectory,
      clock: Clock,
      observers: ObserverList,
    ) => new PublishPlanner(options, directory, clock, observers.emit),
    inject: [MESSAGING_OPTIONS, TransportDirectory, MESSAGING_CLOCK, ObserverList],
  },
  {
    provide: Requests,
    useFactory: (options: MessagingModuleOptions, planner: PublishPlanner) =>
      new Requests(planner, options.maxRequestsInFlight),
    inject: [MESSAGING_OPTIONS, PublishPlanner],
  },
];
