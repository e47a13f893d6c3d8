export * from './core/messaging/index.js';
export {
  embeddedBackends,
  memoryBackends,
  type MessagingBackends,
} from './infrastructure/services/backends.js';
export { EmbeddedTransport } from './infrastructure/services/embedded/embedded.transport.js';
export {
  type EmbeddedOptions,
  embeddedOptionsSchema,
} from './infrastructure/services/embedded/embedded.options.js';
export {
  Backends,
  InfrastructureModule,
  type InfrastructureSettings,
} from './infrastructure/services/infrastructure.module.js';
export { type MemoryOptions, memoryOptionsSchema } from './infrastructure/services/memory/memory.options.js';
export { MemoryTransport } from './infrastructure/services/memory/memory.transport.js';
