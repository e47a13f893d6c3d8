import type { DynamicModule, OnApplicationShutdown, OnModuleInit, Type } from '@nestjs/common';
import type { z } from 'zod';
import { systemClock } from '../ports/clock.js';
import { MessagingConfigurationError } from '../ports/errors.js';
import type { Clock, Transport, TransportContext, TransportEvent } from '../ports/transport.js';
import { loadingModule } from './loading-module.js';

/** Options of the module of a transport: all options of the transport, and what it needs from an application. */
export type TransportModuleOptions<Options> = Partial<Options> & {
  /** Name of the transport, as receipts, metrics and health show it. @default the kind of the transport */
  readonly name?: string;
  readonly onEvent?: (event: TransportEvent) => void;
};

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

/** One kind of transport, and how it is made. */
export interface TransportKind<Options> {
  readonly module: Type;
  /** The default name of its transports. */
  readonly kind: string;
  readonly schema: z.ZodType<Options>;
  readonly load: () => Promise<new (options: Options, context: TransportContext) => Transport>;
}

/**
 * A module that provides and exports one transport under its class.
 *
 * Each application gets a transport of its own, because a closed one stays closed.
 *
 * @throws MessagingConfigurationError with every option that is unknown or out of range.
 */
export function transportModule<Options>(
  kind: TransportKind<Options>,
  given: TransportModuleOptions<object> & { readonly clock?: Clock },
): Promise<DynamicModule> {
  return loadingModule(() => moduleOf(kind, given));
}

async function moduleOf<Options>(
  { module, kind, schema, load }: TransportKind<Options>,
  given: TransportModuleOptions<object> & { readonly clock?: Clock },
): Promise<DynamicModule> {
  const { name = kind, clock = systemClock, onEvent = () => undefined, ...options } = given;
  const parsed = schema.safeParse(options);
  if (parsed.error) {
    throw new MessagingConfigurationError(
      parsed.error.issues.map(
        ({ path, message }) => `${module.name}.register: ${[...path, message].join(' ')}.`,
      ),
    );
  }
  const { data } = parsed;
  const Driver = await load();
  return {
    module,
    providers: [
      { provide: Driver, useFactory: () => new Driver(data, { name, clock, onEvent }) },
      {
        provide: TransportLifecycle,
        useFactory: (transport: Transport) => new TransportLifecycle(transport),
        inject: [Driver],
      },
    ],
    exports: [Driver],
  };
}
