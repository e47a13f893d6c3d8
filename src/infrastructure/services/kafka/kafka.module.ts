import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { KafkaDriver } from './kafka.driver.js';
import { type KafkaOptions, kafkaOptionsSchema } from './kafka.options.js';

export type KafkaModuleOptions = TransportModuleOptions<KafkaOptions>;

/**
 * For applications that compose their transports themselves; others use `SwitchyardModule`.
 *
 * Imported as it is, it provides the {@link KafkaDriver}, which makes transports of this kind.
 */
@Module({ providers: [KafkaDriver], exports: [KafkaDriver] })
export class KafkaModule {
  /**
   * Provides one `KafkaTransport`, which is connected and closed with the application.
   *
   * @throws MessagingConfigurationError with every option that is unknown or out of range.
   */
  static register(options: KafkaModuleOptions): Promise<DynamicModule> {
    const load = async () => (await import('./kafka.transport.js')).KafkaTransport;
    return transportModule({ module: KafkaModule, kind: 'kafka', schema: kafkaOptionsSchema, load }, options);
  }
}
