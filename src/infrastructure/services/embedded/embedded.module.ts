import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { EmbeddedDriver } from './embedded.driver.js';
import { type EmbeddedOptions, embeddedOptionsSchema } from './embedded.options.js';

export type EmbeddedModuleOptions = TransportModuleOptions<EmbeddedOptions>;

/**
 * For applications that compose their transports themselves; others use `SwitchyardModule`.
 *
 * Imported as it is, it provides the {@link EmbeddedDriver}, which makes transports of this kind.
 */
@Module({ providers: [EmbeddedDriver], exports: [EmbeddedDriver] })
export class EmbeddedModule {
  /**
   * Provides one `EmbeddedTransport`, which is connected and closed with the application.
   *
   * @throws MessagingConfigurationError with every option that is unknown or out of range.
   */
  static register(options: EmbeddedModuleOptions = {}): Promise<DynamicModule> {
    const load = async () => (await import('./embedded.transport.js')).EmbeddedTransport;
    return transportModule(
      { module: EmbeddedModule, kind: 'embedded', schema: embeddedOptionsSchema, load },
      options,
    );
  }
}
