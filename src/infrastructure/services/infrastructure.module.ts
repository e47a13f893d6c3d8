import { type DynamicModule, Global, Module } from '@nestjs/common';
import {
  type DeadLetterStore,
  type IdempotencyStore,
  systemClock,
  type Transport,
  TransportEventRelay,
} from '../../core/messaging/index.js';
import { createDeadLetterStore, createIdempotencyStore, type StoreSettings } from './stores.js';
import { createTransport, type TransportSettings } from './transports.js';

/** What the application's configuration says about everything behind the messaging core. */
export interface InfrastructureSettings {
  /** By name. */
  readonly transports: Readonly<Record<string, TransportSettings>>;
  readonly deadLetters: StoreSettings;
  readonly idempotency: StoreSettings;
}

/** The transports and stores of the application, made but not connected: the core connects and closes them. */
export class Backends {
  constructor(
    readonly transports: readonly Transport[],
    readonly deadLetters: DeadLetterStore,
    readonly idempotency: IdempotencyStore,
    readonly events: TransportEventRelay,
  ) {}
}

/** Makes what the configuration names and provides it as {@link Backends}. */
@Global()
@Module({})
export class InfrastructureModule {
  static forRoot(settings: InfrastructureSettings): DynamicModule {
    return {
      module: InfrastructureModule,
      providers: [{ provide: Backends, useFactory: () => createBackends(settings) }],
      exports: [Backends],
    };
  }
}

async function createBackends(settings: InfrastructureSettings): Promise<Backends> {
  const events = new TransportEventRelay();
  const transports = await Promise.all(
    Object.entries(settings.transports).map(([name, options]) =>
      createTransport(options, { name, clock: systemClock, onEvent: events.listenerFor(name) }),
    ),
  );
  return new Backends(
    transports,
    await createDeadLetterStore(settings.deadLetters, settings.transports, systemClock),
    await createIdempotencyStore(settings.idempotency, settings.transports, systemClock),
    events,
  );
}
