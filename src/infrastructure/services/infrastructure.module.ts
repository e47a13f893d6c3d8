import { type DynamicModule, Global, Logger, Module } from '@nestjs/common';
import {
  type DeadLetterStore,
  type IdempotencyStore,
  systemClock,
  type Transport,
  TransportEventRelay,
} from '../../core/messaging/index.js';
import { createDeadLetterStore, createIdempotencyStore, type StoreSettings } from './stores.js';
import { createTransport, membersOf, type TransportSettings } from './transports.js';

/** Settings of the transports and stores. */
export interface InfrastructureSettings {
  /** By name. */
  readonly transports: Readonly<Record<string, TransportSettings>>;
  readonly deadLetters: StoreSettings;
  readonly idempotency: StoreSettings;
  /**
   * Transports that topics are routed to or that are drained. Members of composites are left out unless they are
   * also that.
   */
  readonly direct?: readonly string[];
  /** What is insecure and permitted nevertheless, as sentences. Each is logged once, as a warning, at the start. */
  readonly permittedInsecurities?: readonly string[];
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

/** Creates the configured transports and stores, and provides them as {@link Backends}. */
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
  const logger = new Logger('Messaging');
  for (const sentence of settings.permittedInsecurities ?? []) logger.warn(sentence);
  const events = new TransportEventRelay();
  const transports = new Map<string, Transport>();
  for (const name of Object.keys(settings.transports))
    await make(name, settings, { events, made: transports });
  const owned = new Set(Object.values(settings.transports).flatMap(membersOf));
  for (const name of settings.direct ?? []) owned.delete(name);
  const storeContext = (name: string) => ({ clock: systemClock, onEvent: events.listenerFor(name) });
  return new Backends(
    [...transports.values()].filter(({ name }) => !owned.has(name)),
    await createDeadLetterStore(settings.deadLetters, settings.transports, storeContext('dead-letters')),
    await createIdempotencyStore(settings.idempotency, settings.transports, storeContext('idempotency')),
    events,
  );
}

interface Making {
  readonly events: TransportEventRelay;
  readonly made: Map<string, Transport>;
}

/** Creates a transport once, after its members. The configuration has no cycles, because its checks refuse them. */
async function make(name: string, settings: InfrastructureSettings, making: Making): Promise<Transport> {
  const { events, made } = making;
  const known = made.get(name);
  if (known) return known;
  const options = settings.transports[name];
  if (!options) throw new Error(`There is no transport "${name}".`);
  const members: Transport[] = [];
  for (const member of membersOf(options)) members.push(await make(member, settings, making));
  const { keepRefused } = events;
  const context = { name, clock: systemClock, onEvent: events.listenerFor(name), keepRefused };
  const transport = await createTransport(options, context, members);
  made.set(name, transport);
  return transport;
}
