export { HealthModule } from '../infrastructure/services/health/health.module.js';
export type {
  HealthModuleAsyncOptions,
  HealthModuleOptions,
} from '../infrastructure/services/health/health.options.js';
export { MessagingHealthIndicator } from '../infrastructure/services/health/messaging-health.indicator.js';
