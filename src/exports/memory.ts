export { MemoryControlStore } from '../core/messaging/transport-kit/memory-control-store.js';
export { MemoryDeadLetterStore } from '../infrastructure/services/memory/memory-dead-letter.store.js';
export { MemoryIdempotencyStore } from '../infrastructure/services/memory/memory-idempotency.store.js';
export * from '../infrastructure/services/memory/memory.module.js';
export { type MemoryOptions, memoryOptionsSchema } from '../infrastructure/services/memory/memory.options.js';
export { MemoryTransport } from '../infrastructure/services/memory/memory.transport.js';
export { MemoryDriver } from '../infrastructure/services/memory/memory.driver.js';
