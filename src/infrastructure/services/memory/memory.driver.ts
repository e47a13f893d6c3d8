import { Injectable } from '@nestjs/common';
import type { ControlStore } from '../../../core/messaging/ports/control-store.js';
import type { DeadLetterCeiling, DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Clock, Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import type { MemoryOptions } from './memory.options.js';

interface Shared {
  readonly shared: boolean;
}

/** Makes transports and stores in the memory of the process. Their code is loaded when one is made. */
@Injectable()
export class MemoryDriver {
  async createTransport(options: MemoryOptions, context: TransportContext): Promise<Transport> {
    const { MemoryTransport } = await import('./memory.transport.js');
    return new MemoryTransport(options, context);
  }

  /** What is configured replaces the limits that the store has by itself. */
  async createDeadLetterStore(
    { maxCount, maxBytes, shared }: DeadLetterCeiling & Shared,
    clock: Clock,
  ): Promise<DeadLetterStore> {
    const { MemoryDeadLetterStore } = await import('./memory-dead-letter.store.js');
    return new MemoryDeadLetterStore({
      clock,
      shared,
      ...(maxCount !== undefined && { maxLetters: maxCount }),
      ...(maxBytes !== undefined && { maxBytes }),
    });
  }

  async createIdempotencyStore({ shared }: Shared, clock: Clock): Promise<IdempotencyStore> {
    const { MemoryIdempotencyStore } = await import('./memory-idempotency.store.js');
    return new MemoryIdempotencyStore({ clock, shared });
  }

  async createControlStore(clock: Clock): Promise<ControlStore> {
    const { MemoryControlStore } =
      await import('../../../core/messaging/transport-kit/memory-control-store.js');
    return new MemoryControlStore({ clock });
  }
}
