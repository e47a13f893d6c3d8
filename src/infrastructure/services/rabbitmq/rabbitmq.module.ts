import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportEvent } from '../../../core/messaging/ports/transport.js';
import { type RabbitmqOptions, rabbitmqOptionsSchema } from './rabbitmq.options.js';
import { RabbitmqTransport } from './rabbitmq.transport.js';

export type RabbitmqModuleOptions = Partial<RabbitmqOptions> & {
  /** Name of the transport, as receipts, metrics and health show it. @default 'rabbitmq' */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

/** Connects and closes the transport with the application. */
class RabbitmqLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(RabbitmqTransport) private readonly transport: RabbitmqTransport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/** Provides a {@link RabbitmqTransport} for applications that compose their transports by hand. */
@Module({})
export class RabbitmqModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'rabbitmq', onEvent, ...options }: RabbitmqModuleOptions): DynamicModule {
    const settings = rabbitmqOptionsSchema.parse(options);
    return {
      module: RabbitmqModule,
      providers: [
        {
          provide: RabbitmqTransport,
          useFactory: () =>
            new RabbitmqTransport(settings, {
              name,
              clock: systemClock,
              onEvent: onEvent ?? (() => undefined),
            }),
        },
        RabbitmqLifecycle,
      ],
      exports: [RabbitmqTransport],
    };
  }
}
