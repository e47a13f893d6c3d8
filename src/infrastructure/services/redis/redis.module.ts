import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportEvent } from '../../../core/messaging/ports/transport.js';
import { type RedisOptions, redisOptionsSchema } from './redis.options.js';
import { RedisTransport } from './redis.transport.js';

export type RedisModuleOptions = Partial<RedisOptions> & {
  /** Name of the transport in receipts, metrics and health. @default 'redis' */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

/** Connects and closes the transport with the application. */
class RedisLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(RedisTransport) private readonly transport: RedisTransport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/** Provides a {@link RedisTransport} for applications that compose their transports themselves. */
@Module({})
export class RedisModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'redis', onEvent, ...options }: RedisModuleOptions): DynamicModule {
    const settings = redisOptionsSchema.parse(options);
    return {
      module: RedisModule,
      providers: [
        {
          provide: RedisTransport,
          useFactory: () =>
            new RedisTransport(settings, {
              name,
              clock: systemClock,
              onEvent: onEvent ?? (() => undefined),
            }),
        },
        RedisLifecycle,
      ],
      exports: [RedisTransport],
    };
  }
}
