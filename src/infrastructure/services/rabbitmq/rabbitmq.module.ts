import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { type RabbitmqOptions, rabbitmqOptionsSchema } from './rabbitmq.options.js';
import { RabbitmqTransport } from './rabbitmq.transport.js';

export type RabbitmqModuleOptions = TransportModuleOptions<RabbitmqOptions>;

/** Provides a {@link RabbitmqTransport} for applications that compose their transports themselves. */
@Module({})
export class RabbitmqModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'rabbitmq', onEvent, ...options }: RabbitmqModuleOptions): DynamicModule {
    return transportModule(RabbitmqModule, RabbitmqTransport, rabbitmqOptionsSchema.parse(options), {
      name,
      onEvent,
    });
  }
}
