export {
  type FailoverOptions,
  failoverOptionsSchema,
} from '../infrastructure/services/failover/failover.options.js';
export { FailoverTransport } from '../infrastructure/services/failover/failover.transport.js';
