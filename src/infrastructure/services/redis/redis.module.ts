import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { RedisDriver } from './redis.driver.js';
import { type RedisOptions, redisOptionsSchema } from './redis.options.js';

export type RedisModuleOptions = TransportModuleOptions<RedisOptions>;

/**
 * For applications that compose their transports themselves; others use `SwitchyardModule`.
 *
 * Imported as it is, it provides the {@link RedisDriver}, which makes transports of this kind.
 */
@Module({ providers: [RedisDriver], exports: [RedisDriver] })
export class RedisModule {
  /**
   * Provides one `RedisTransport`, which is connected and closed with the application.
   *
   * @throws MessagingConfigurationError with every option that is unknown or out of range.
   */
  static register(options: RedisModuleOptions): Promise<DynamicModule> {
    const load = async () => (await import('./redis.transport.js')).RedisTransport;
    return transportModule({ module: RedisModule, kind: 'redis', schema: redisOptionsSchema, load }, options);
  }
}
