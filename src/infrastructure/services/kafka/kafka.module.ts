import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportEvent } from '../../../core/messaging/ports/transport.js';
import { type KafkaOptions, kafkaOptionsSchema } from './kafka.options.js';
import { KafkaTransport } from './kafka.transport.js';

export type KafkaModuleOptions = Partial<KafkaOptions> & {
  /** Name of the transport, as receipts, metrics and health show it. @default 'kafka' */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

/** Connects and closes the transport with the application. */
class KafkaLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(KafkaTransport) private readonly transport: KafkaTransport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/** Provides a {@link KafkaTransport} for applications that put their transports together by hand. */
@Module({})
export class KafkaModule {
  /**
   * @throws ZodError when an option is unknown or out of range.
   * @throws MessagingConfigurationError when options do not fit together; from the provider, when the application starts.
   */
  static register({ name = 'kafka', onEvent, ...options }: KafkaModuleOptions): DynamicModule {
    const settings = kafkaOptionsSchema.parse(options);
    return {
      module: KafkaModule,
      providers: [
        {
          provide: KafkaTransport,
          useFactory: () =>
            new KafkaTransport(settings, {
              name,
              clock: systemClock,
              onEvent: onEvent ?? (() => undefined),
            }),
        },
        KafkaLifecycle,
      ],
      exports: [KafkaTransport],
    };
  }
}
