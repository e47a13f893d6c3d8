import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { type KafkaOptions, kafkaOptionsSchema } from './kafka.options.js';
import { KafkaTransport } from './kafka.transport.js';

export type KafkaModuleOptions = TransportModuleOptions<KafkaOptions>;

/** Provides a {@link KafkaTransport} for applications that compose their transports themselves. */
@Module({})
export class KafkaModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'kafka', onEvent, ...options }: KafkaModuleOptions): DynamicModule {
    return transportModule(KafkaModule, KafkaTransport, kafkaOptionsSchema.parse(options), { name, onEvent });
  }
}
