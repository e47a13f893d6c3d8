import { type DynamicModule, Module } from '@nestjs/common';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { MemoryDriver } from './memory.driver.js';
import { type MemoryOptions, memoryOptionsSchema } from './memory.options.js';

/** Options that differ from the defaults; tests can pass a clock. */
type MemoryModuleOptions = TransportModuleOptions<MemoryOptions> & { readonly clock?: Clock };

/**
 * For applications that compose their transports themselves; others use `SwitchyardModule`.
 *
 * Imported as it is, it provides the {@link MemoryDriver}, which makes transports of this kind.
 */
@Module({ providers: [MemoryDriver], exports: [MemoryDriver] })
export class MemoryModule {
  /**
   * Provides one `MemoryTransport`, which is connected and closed with the application.
   *
   * @throws MessagingConfigurationError with every option that is unknown or out of range.
   */
  static register(options: MemoryModuleOptions = {}): Promise<DynamicModule> {
    const load = async () => (await import('./memory.transport.js')).MemoryTransport;
    return transportModule(
      { module: MemoryModule, kind: 'memory', schema: memoryOptionsSchema, load },
      options,
    );
  }
}
