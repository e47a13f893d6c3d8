import { MemoryControlStore } from '../../src/core/messaging/transport-kit/memory-control-store.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from '../../src/infrastructure/services/memory/memory-idempotency.store.js';
import { describeControlStore } from './control-store.js';
import { describeDeadLetterStore } from './dead-letter-store.js';
import { describeIdempotencyStore } from './idempotency-store.js';

describeDeadLetterStore('Memory', { create: async (clock) => new MemoryDeadLetterStore({ clock }) });
describeIdempotencyStore('Memory', { create: async (clock) => new MemoryIdempotencyStore({ clock }) });
describeControlStore('Memory', { create: async (clock) => new MemoryControlStore({ clock }) });
