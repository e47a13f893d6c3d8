export {
  MetricsModule,
  type MetricsModuleOptions,
} from '../infrastructure/services/metrics/metrics.module.js';
