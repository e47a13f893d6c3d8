export { EmbeddedControlStore } from '../infrastructure/services/embedded/embedded-control.store.js';
export { EmbeddedDeadLetterStore } from '../infrastructure/services/embedded/embedded-dead-letter.store.js';
export { EmbeddedIdempotencyStore } from '../infrastructure/services/embedded/embedded-idempotency.store.js';
export * from '../infrastructure/services/embedded/embedded.module.js';
export {
  type EmbeddedOptions,
  embeddedOptionsSchema,
} from '../infrastructure/services/embedded/embedded.options.js';
export { EmbeddedTransport } from '../infrastructure/services/embedded/embedded.transport.js';
export { EmbeddedDriver } from '../infrastructure/services/embedded/embedded.driver.js';
