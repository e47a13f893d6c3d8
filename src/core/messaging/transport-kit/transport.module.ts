import type { DynamicModule, OnApplicationShutdown, OnModuleInit, Type } from '@nestjs/common';
import { systemClock } from '../ports/clock.js';
import type { Clock, Transport, TransportContext, TransportEvent } from '../ports/transport.js';

/** Options of the module of a transport: all options of the transport, and what it needs from an application. */
export type TransportModuleOptions<Options> = Partial<Options> & {
  /** Name of the transport, as receipts, metrics and health show it. @default the kind of the transport */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

interface Context {
  readonly name: string;
  readonly clock?: Clock | undefined;
  readonly onEvent?: TransportModuleOptions<unknown>['onEvent'] | undefined;
}

/** Connects and closes a transport with the application. */
class TransportLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly transport: Transport) {}

  onModuleInit(): Promise<void> {
    return this.transport.connect();
  }

  onApplicationShutdown(): Promise<void> {
    return this.transport.close();
  }
}

/**
 * A module that provides and exports one transport under its class.
 *
 * Each application gets a transport of its own, because a closed one stays closed.
 */
export function transportModule<Options>(
  module: Type,
  Driver: new (options: Options, context: TransportContext) => Transport,
  options: Options,
  { name, clock = systemClock, onEvent = () => undefined }: Context,
): DynamicModule {
  return {
    module,
    providers: [
      { provide: Driver, useFactory: () => new Driver(options, { name, clock, onEvent }) },
      {
        provide: TransportLifecycle,
        useFactory: (transport: Transport) => new TransportLifecycle(transport),
        inject: [Driver],
      },
    ],
    exports: [Driver],
  };
}
