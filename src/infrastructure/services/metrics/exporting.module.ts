import {
  Controller,
  type DynamicModule,
  Get,
  Inject,
  Module,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
  Res,
  type Type,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { DeadLetterLimits } from '../../../core/messaging/ports/dead-letter-limits.js';
import { DEAD_LETTER_LIMITS, DEAD_LETTER_STORE } from '../../../core/messaging/messaging.tokens.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../core/messaging/messaging.view.js';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import { RoutingTable } from '../../../core/messaging/routing/routing-table.js';
import { computedProvider, decorated, type HostDecorators } from '../admin/host-decorators.js';
import {
  METRICS_REGISTRY,
  type MetricsModuleAsyncOptions,
  type MetricsModuleOptions,
} from './metrics.options.js';
import { exportHandlerMetrics } from './observed/handler-metrics.js';
import { MessagingMetrics } from './observed/messaging-metrics.js';
import { exportRequestMetrics } from './observed/request-metrics.js';
import { exportPublishMetrics } from './observed/publish-metrics.js';
import { exportScrapedMetrics } from './scraped/scraped-metrics.js';
import type { Destination } from './series/exported.js';
import { ScrapeSources } from './scraped/scrape-sources.js';

const DESTINATION = Symbol('switchyard:metrics-destination');

/** Has one registry for each application, for the metrics and the controller that shows them. */
@Module({})
class MetricsRegistryModule {
  static of(destination: Provider, imports: ModuleMetadata['imports'] = []): DynamicModule {
    return {
      module: MetricsRegistryModule,
      imports,
      providers: [
        destination,
        {
          provide: METRICS_REGISTRY,
          useFactory: ({ registry }: Destination) => registry,
          inject: [DESTINATION],
        },
      ],
      exports: [DESTINATION, METRICS_REGISTRY],
    };
  }
}

function destinationOf({
  registry = new Registry(),
  defaultMetrics = true,
  prefix = '',
}: MetricsModuleOptions): Destination {
  if (!/^([a-zA-Z_:][\w:]*)?$/.test(prefix))
    throw new MessagingConfigurationError([
      `Option prefix of MetricsModule is ${JSON.stringify(prefix)}. Use letters, digits and "_", as in "shop_".`,
    ]);
  const hasDefaults = ['', prefix].some(
    (before) => registry.getSingleMetric(`${before}process_cpu_user_seconds_total`) !== undefined,
  );
  if (defaultMetrics && !hasDefaults) collectDefaultMetrics({ register: registry, prefix });
  return { registry, prefix };
}

/** What {@link MetricsModule} loads: all that needs the client of Prometheus. */
@Module({
  providers: [MessagingMetrics],
  exports: [MessagingMetrics, MetricsRegistryModule],
})
export class ExportingModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  #stopObserving: () => void = () => undefined;
  /** Names of what this application has put into the registry. */
  #added: readonly string[] = [];

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    private readonly metrics: MessagingMetrics,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(DEAD_LETTER_STORE) private readonly store: DeadLetterStore,
    @Inject(DESTINATION) private readonly destination: Destination,
    @Inject(DEAD_LETTER_LIMITS) private readonly limits: DeadLetterLimits,
  ) {}

  static forRoot(options: MetricsModuleOptions): DynamicModule {
    // A factory, because each application needs a registry of its own.
    return served(options, { provide: DESTINATION, useFactory: () => destinationOf(options) });
  }

  static forRootAsync(options: MetricsModuleAsyncOptions): DynamicModule {
    return served(options, computedProvider(DESTINATION, 'MetricsModule', options, destinationOf));
  }

  onModuleInit(): void {
    const { metrics, destination, view } = this;
    const { registry, prefix } = destination;
    const before = new Set(namesIn(registry));
    if (before.has(`${prefix}${A_METRIC}`))
      throw new MessagingConfigurationError([
        'the registry of MetricsModule has the metrics of another application. Give each application a registry of its own, or a prefix.',
      ]);
    const sources = new ScrapeSources(view, this.store, this.limits);
    const systemOf = (transport: string): string => sources.systemOf(transport);
    exportHandlerMetrics(destination, metrics, systemOf);
    exportPublishMetrics(destination, metrics, systemOf);
    exportRequestMetrics(destination, metrics);
    exportScrapedMetrics(destination, sources);
    this.#added = namesIn(registry).filter((name) => !before.has(name));
    this.#stopObserving = view.observe(metrics);
  }

  onApplicationBootstrap(): void {
    for (const { to, transport } of this.view.subscriptions()) this.metrics.declareHandler(to, transport);
    const routes = new RoutingTable(this.view.routes());
    for (const topic of this.view.topics()) {
      const transport = routes.resolve(topic);
      if (transport !== undefined) this.metrics.published.declare(topic, transport);
    }
  }

  onApplicationShutdown(): void {
    this.#stopObserving();
    for (const name of this.#added) this.destination.registry.removeSingleMetric(name);
  }
}

type Served = HostDecorators & Pick<MetricsModuleOptions, 'imports' | 'path'>;

function served(options: Served, destination: Provider): DynamicModule {
  const { path = '/metrics', imports = [] } = options;
  const registry = MetricsRegistryModule.of(destination, imports);
  const common = { module: ExportingModule, imports: [...imports, registry] };
  if (path === false) return common;
  const endpoint = PrometheusModule.register({
    path,
    // Its own option collects into the default registry of prom-client, twice if the host does so as well.
    defaultMetrics: { enabled: false },
    controller: controllerOf(options),
  });
  // Guards of the host on our controller find their providers in these imports.
  return {
    ...common,
    imports: [
      ...common.imports,
      { ...endpoint, imports: [...(endpoint.imports ?? []), ...imports, registry] },
    ],
  };
}

/** One that every application has. */
const A_METRIC = 'messaging_client_consumed_messages_total';

function namesIn(registry: Registry): string[] {
  return registry.getMetricsAsArray().map(({ name }) => name);
}

/** A controller for one registry, because that of the Prometheus module serves only the default registry. */
function controllerOf(options: HostDecorators): Type {
  @Controller({ version: VERSION_NEUTRAL })
  class MetricsController {
    constructor(
      private readonly adapterHost: HttpAdapterHost,
      @Inject(METRICS_REGISTRY) private readonly registry: Registry,
    ) {}

    @Get()
    async scrape(@Res() response: object): Promise<void> {
      const { registry } = this;
      const { httpAdapter } = this.adapterHost;
      const text = await registry.metrics();
      httpAdapter.setHeader(response, 'Content-Type', registry.contentType);
      httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
      // Not returned, because interceptors of the host would wrap it.
      httpAdapter.reply(response, text, 200);
    }
  }
  return decorated([MetricsController], options)[0] ?? MetricsController;
}
