export {
  type BalancedOptions,
  balancedOptionsSchema,
} from '../infrastructure/services/composites/balanced/balanced.options.js';
export { BalancedTransport } from '../infrastructure/services/composites/balanced/balanced.transport.js';
export {
  type FailoverOptions,
  failoverOptionsSchema,
} from '../infrastructure/services/composites/failover/failover.options.js';
export { FailoverTransport } from '../infrastructure/services/composites/failover/failover.transport.js';
export {
  type SpooledOptions,
  spooledOptionsSchema,
} from '../infrastructure/services/composites/spooled/spooled.options.js';
export { SpooledTransport } from '../infrastructure/services/composites/spooled/spooled.transport.js';
export { CompositesDriver } from '../infrastructure/services/composites/composites.driver.js';
export { CompositesModule } from '../infrastructure/services/composites/composites.module.js';
