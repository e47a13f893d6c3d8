export {
  type BalancedOptions,
  balancedOptionsSchema,
} from '../infrastructure/services/composites/balanced.options.js';
export { BalancedTransport } from '../infrastructure/services/composites/balanced.transport.js';
export {
  type FailoverOptions,
  failoverOptionsSchema,
} from '../infrastructure/services/composites/failover.options.js';
export { FailoverTransport } from '../infrastructure/services/composites/failover.transport.js';
export {
  type SpooledOptions,
  spooledOptionsSchema,
} from '../infrastructure/services/composites/spooled.options.js';
export { SpooledTransport } from '../infrastructure/services/composites/spooled.transport.js';
