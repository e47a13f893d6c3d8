export {
  METRICS_REGISTRY,
  MetricsModule,
  type MetricsModuleAsyncOptions,
  type MetricsModuleOptions,
} from '../infrastructure/services/metrics/metrics.module.js';
