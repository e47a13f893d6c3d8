import { type DynamicModule, Module } from '@nestjs/common';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { type MemoryOptions, memoryOptionsSchema } from './memory.options.js';
import { MemoryTransport } from './memory.transport.js';

/** Options that differ from the defaults; tests can pass a clock. */
type MemoryModuleOptions = TransportModuleOptions<MemoryOptions> & { readonly clock?: Clock };

/** Provides a {@link MemoryTransport} for applications that compose their transports themselves. */
@Module({})
export class MemoryModule {
  /** @throws ZodError when an option is unknown or out of range. */
  static register({ name = 'memory', clock, onEvent, ...options }: MemoryModuleOptions = {}): DynamicModule {
    return transportModule(MemoryModule, MemoryTransport, memoryOptionsSchema.parse(options), {
      name,
      clock,
      onEvent,
    });
  }
}
