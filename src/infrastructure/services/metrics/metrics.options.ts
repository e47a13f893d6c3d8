import type { ModuleMetadata } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { ComputedOptions, HostDecorators } from '../admin/host-decorators.js';

export interface MetricsModuleOptions extends HostDecorators, Pick<ModuleMetadata, 'imports'> {
  /**
   * Path that Prometheus scrapes; `false` disables it, for a host that serves the registry itself, which
   * `METRICS_REGISTRY` injects. @default '/metrics'
   */
  readonly path?: string | false;
  /** Adds the metrics of the process (CPU, memory, event loop), unless `registry` has them already. @default true */
  readonly defaultMetrics?: boolean;
  /**
   * Registry to use, by one application at a time, which takes its metrics out again when it closes. Defaults to a
   * separate one for each application, so that no metric conflicts with those of the host.
   */
  readonly registry?: Registry | undefined;
  /** Begins the name of every metric, also of those of the process, for example `shop_`. @default '' */
  readonly prefix?: string | undefined;
}

/** What Nest must know before the other options are computed. */
export interface MetricsModuleAsyncOptions
  extends
    ComputedOptions<Pick<MetricsModuleOptions, 'defaultMetrics' | 'registry' | 'prefix'>>,
    HostDecorators,
    Pick<MetricsModuleOptions, 'imports' | 'path'> {}

/** Injects the `Registry` that has the metrics of messaging, for example into a controller of the host. */
export const METRICS_REGISTRY = Symbol('switchyard:metrics-registry');
