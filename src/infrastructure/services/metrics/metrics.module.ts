import { type DynamicModule, Module } from '@nestjs/common';
import { loadClient } from '../../../core/messaging/transport-kit/load-client.js';
import { loadingModule } from '../../../core/messaging/transport-kit/loading-module.js';
import type { ExportingModule } from './exporting.module.js';
import type { MetricsModuleAsyncOptions, MetricsModuleOptions } from './metrics.options.js';

/**
 * Metrics of messaging for Prometheus, with the names of docs/operating/operations.md. A `MessagingError` says when a package
 * of Prometheus is missing (`DEPENDENCY_MISSING`) or of another version (`DEPENDENCY_UNUSABLE`).
 */
@Module({})
export class MetricsModule {
  /** Where the `MessagingModule` is not global, name the module that exports it in `imports`. */
  static forRoot(options: MetricsModuleOptions = {}): Promise<DynamicModule> {
    return withPrometheus((exporting) => exporting.forRoot(options));
  }

  /** The options from a function, except those that Nest must know before. */
  static forRootAsync(options: MetricsModuleAsyncOptions): Promise<DynamicModule> {
    return withPrometheus((exporting) => exporting.forRootAsync(options));
  }
}

function withPrometheus(make: (exporting: typeof ExportingModule) => DynamicModule): Promise<DynamicModule> {
  return loadingModule(async () => {
    await loadPromClient();
    await loadPrometheusModule();
    const { ExportingModule: exporting } = await import('./exporting.module.js');
    return { module: MetricsModule, imports: [make(exporting)], exports: [exporting] };
  });
}

const INSTALL = 'prom-client@15 @willsoto/nestjs-prometheus@6';

/** Loads the client of Prometheus, an optional peer dependency. Throws as {@link loadClient}. */
export function loadPromClient(load: () => Promise<unknown> = () => import('prom-client')): Promise<object> {
  return loadClient<{ readonly Registry?: unknown }>({
    usedBy: 'MetricsModule needs',
    name: 'prom-client',
    range: '^15.1.0',
    install: INSTALL,
    load,
    isSupported: ({ Registry }) => Registry !== undefined,
  });
}

/** Loads its module for Nest, an optional peer dependency. Throws as {@link loadClient}. */
export function loadPrometheusModule(
  load: () => Promise<unknown> = () => import('@willsoto/nestjs-prometheus'),
): Promise<object> {
  return loadClient<{ readonly PrometheusModule?: unknown }>({
    usedBy: 'MetricsModule needs',
    name: '@willsoto/nestjs-prometheus',
    range: '^6.1.0',
    install: INSTALL,
    load,
    isSupported: ({ PrometheusModule }) => PrometheusModule !== undefined,
  });
}
