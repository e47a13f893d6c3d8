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
import { decorated, type HostDecorators } from '../admin/host-decorators.js';
import { exportHandlerMetrics } from './observed/handler-metrics.js';
import { MessagingMetrics } from './observed/messaging-metrics.js';
import { exportPublishMetrics } from './observed/publish-metrics.js';
import { exportScrapedMetrics } from './scraped/scraped-metrics.js';
import { ScrapeSources } from './scraped/scrape-sources.js';

export interface MetricsModuleOptions extends HostDecorators, Pick<ModuleMetadata, 'imports'> {
  /**
   * Path that Prometheus scrapes; `false` disables it, for a host that serves `registry` itself. @default
   * '/metrics'
   */
  readonly path?: string | false;
  /** Adds the metrics of the process (CPU, memory, event loop), unless `registry` has them already. @default true */
  readonly defaultMetrics?: boolean;
  /**
   * Registry to use, by one application at a time, which takes its metrics out again when it closes. Defaults to a
   * separate one for each application, so that no metric conflicts with those of the host.
   */
  readonly registry?: Registry;
}

const REGISTRY = Symbol('switchyard:metrics-registry');

/** Has one registry for each application, for the metrics and the controller that shows them. */
@Module({})
class MetricsRegistryModule {
  static of({ registry: own, defaultMetrics = true }: MetricsModuleOptions): DynamicModule {
    const useFactory = (): Registry => {
      const registry = own ?? new Registry();
      const hasDefaults = registry.getSingleMetric('process_cpu_user_seconds_total') !== undefined;
      if (defaultMetrics && !hasDefaults) collectDefaultMetrics({ register: registry });
      return registry;
    };
    return {
      module: MetricsRegistryModule,
      providers: [{ provide: REGISTRY, useFactory }],
      exports: [REGISTRY],
    };
  }
}

/** Metrics of messaging for Prometheus, with the names of docs/operating/operations.md. */
@Module({
  providers: [MessagingMetrics],
  exports: [MessagingMetrics],
})
export class MetricsModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  #stopObserving: () => void = () => undefined;
  /** Names of what this application has put into the registry. */
  #added: readonly string[] = [];

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    private readonly metrics: MessagingMetrics,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(DEAD_LETTER_STORE) private readonly store: DeadLetterStore,
    @Inject(REGISTRY) private readonly registry: Registry,
    @Inject(DEAD_LETTER_LIMITS) private readonly limits: DeadLetterLimits,
  ) {}

  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: MetricsModuleOptions = {}): DynamicModule {
    const { path = '/metrics', imports = [] } = options;
    const registry = MetricsRegistryModule.of(options);
    const endpoint = PrometheusModule.register({
      path: path === false ? '' : path,
      // Its own option collects into the default registry of prom-client, twice if the host does so as well.
      defaultMetrics: { enabled: false },
      controller: controllerOf(options),
    });
    const served = { ...endpoint, imports: [...(endpoint.imports ?? []), registry] };
    return {
      module: MetricsModule,
      imports: path === false ? [...imports, registry] : [...imports, registry, served],
    };
  }

  onModuleInit(): void {
    const { metrics, registry, view } = this;
    const before = new Set(namesIn(registry));
    if (before.has(A_METRIC))
      throw new MessagingConfigurationError([
        'the registry of MetricsModule has the metrics of another application. Give each application a registry of its own.',
      ]);
    const sources = new ScrapeSources(view, this.store, this.limits);
    const systemOf = (transport: string): string => sources.systemOf(transport);
    exportHandlerMetrics(registry, metrics, systemOf);
    exportPublishMetrics(registry, metrics, systemOf);
    exportScrapedMetrics(registry, sources);
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
    for (const name of this.#added) this.registry.removeSingleMetric(name);
  }
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
      @Inject(REGISTRY) private readonly registry: Registry,
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
