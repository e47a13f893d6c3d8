import { type DynamicModule, Module } from '@nestjs/common';
import { systemClock } from '../../../core/messaging/clock.js';
import { type MemoryOptions, memoryOptionsSchema } from './memory.options.js';
import { MemoryTransport } from './memory.transport.js';

/** Provides a {@link MemoryTransport} for applications that put their transports together by hand. */
@Module({})
export class MemoryModule {
  /** @param options `name`, and what differs from the defaults. */
  static register({ name, ...options }: { readonly name: string } & Partial<MemoryOptions>): DynamicModule {
    const transport = new MemoryTransport(memoryOptionsSchema.parse(options), {
      name,
      clock: systemClock,
      onEvent: () => undefined,
    });
    return {
      module: MemoryModule,
      providers: [{ provide: MemoryTransport, useValue: transport }],
      exports: [MemoryTransport],
    };
  }
}
