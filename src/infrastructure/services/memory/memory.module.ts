import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportContext } from '../../../core/messaging/ports/transport.js';
import { type MemoryOptions, memoryOptionsSchema } from './memory.options.js';
import { MemoryTransport } from './memory.transport.js';

/** Overrides of the defaults: options of the transport and, for tests, its clock and its event listener. */
type MemoryModuleOptions = Partial<MemoryOptions> &
  Partial<Pick<TransportContext, 'clock' | 'onEvent'>> & {
    /** Name of the transport, as receipts, metrics and health show it. @default 'memory' */
    readonly name?: string;
  };

/** Connects and closes the transport with the application. */
class MemoryLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(MemoryTransport) private readonly transport: MemoryTransport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/** Provides a {@link MemoryTransport} for applications that construct their transports by hand. */
@Module({})
export class MemoryModule {
  /** @throws ZodError when an option is unknown or out of range. */
  static register({
    name = 'memory',
    clock = systemClock,
    onEvent = () => undefined,
    ...options
  }: MemoryModuleOptions = {}): DynamicModule {
    const settings = memoryOptionsSchema.parse(options);
    return {
      module: MemoryModule,
      providers: [
        {
          provide: MemoryTransport,
          // Made with each application: a transport that one of them has closed stays closed.
          useFactory: () => new MemoryTransport(settings, { name, clock, onEvent }),
        },
        MemoryLifecycle,
      ],
      exports: [MemoryTransport],
    };
  }
}
