import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportEvent } from '../../../core/messaging/ports/transport.js';
import { type EmbeddedOptions, embeddedOptionsSchema } from './embedded.options.js';
import { EmbeddedTransport } from './embedded.transport.js';

export type EmbeddedModuleOptions = Partial<EmbeddedOptions> & {
  /** Name of the transport, as receipts, metrics and health show it. @default 'embedded' */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

/** Connects and closes the transport with the application. */
class EmbeddedLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(EmbeddedTransport) private readonly transport: EmbeddedTransport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/** Provides an {@link EmbeddedTransport} for applications that construct their transports by hand. */
@Module({})
export class EmbeddedModule {
  /** @throws ZodError when an option is unknown or out of range. */
  static register({ name = 'embedded', onEvent, ...options }: EmbeddedModuleOptions = {}): DynamicModule {
    const settings = embeddedOptionsSchema.parse(options);
    return {
      module: EmbeddedModule,
      providers: [
        {
          provide: EmbeddedTransport,
          useFactory: () =>
            new EmbeddedTransport(settings, {
              name,
              clock: systemClock,
              onEvent: onEvent ?? (() => undefined),
            }),
        },
        EmbeddedLifecycle,
      ],
      exports: [EmbeddedTransport],
    };
  }
}
