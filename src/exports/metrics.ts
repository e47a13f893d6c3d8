export { MetricsModule } from '../infrastructure/services/metrics/metrics.module.js';
export {
  METRICS_REGISTRY,
  type MetricsModuleAsyncOptions,
  type MetricsModuleOptions,
} from '../infrastructure/services/metrics/metrics.options.js';
