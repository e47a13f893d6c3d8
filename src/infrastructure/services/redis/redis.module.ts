import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { type RedisOptions, redisOptionsSchema } from './redis.options.js';
import { RedisTransport } from './redis.transport.js';

export type RedisModuleOptions = TransportModuleOptions<RedisOptions>;

/** Provides a {@link RedisTransport} for applications that compose their transports themselves. */
@Module({})
export class RedisModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'redis', onEvent, ...options }: RedisModuleOptions): DynamicModule {
    return transportModule(RedisModule, RedisTransport, redisOptionsSchema.parse(options), { name, onEvent });
  }
}
