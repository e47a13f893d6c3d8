import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { RabbitmqDriver } from './rabbitmq.driver.js';
import { type RabbitmqOptions, rabbitmqOptionsSchema } from './rabbitmq.options.js';

export type RabbitmqModuleOptions = TransportModuleOptions<RabbitmqOptions>;

/**
 * For applications that compose their transports themselves; others use `SwitchyardModule`.
 *
 * Imported as it is, it provides the {@link RabbitmqDriver}, which makes transports of this kind.
 */
@Module({ providers: [RabbitmqDriver], exports: [RabbitmqDriver] })
export class RabbitmqModule {
  /**
   * Provides one `RabbitmqTransport`, which is connected and closed with the application.
   *
   * @throws MessagingConfigurationError with every option that is unknown or out of range.
   */
  static register(options: RabbitmqModuleOptions): Promise<DynamicModule> {
    const load = async () => (await import('./rabbitmq.transport.js')).RabbitmqTransport;
    return transportModule(
      { module: RabbitmqModule, kind: 'rabbitmq', schema: rabbitmqOptionsSchema, load },
      options,
    );
  }
}
