import type { SwitchyardSettings } from '../config/switchyard-settings.js';
import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import { TransportEventRelay } from '../core/messaging/observing/transport-event-relay.js';
import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import type { Clock, Transport, TransportContext } from '../core/messaging/ports/transport.js';
import type { RedisServerOptions } from '../infrastructure/services/redis/redis.options.js';
import {
  membersOf,
  type StoreContext,
  type TransportSettings,
} from '../infrastructure/services/transports.js';
import { problemsOfClients } from './clients.js';
import type { Drivers } from './drivers.js';
import { CONTROL_STORE, makeOwn, STORE, TRANSPORT } from './own-parts.js';

/** The transports and stores of an application, made but not connected: the core connects and closes them. */
export type Backends = Required<
  Pick<MessagingModuleOptions, 'transports' | 'deadLetters' | 'idempotency' | 'control' | 'transportEvents'>
>;

/**
 * Makes what the settings describe. Members of composites are left out of `transports`, unless they are also routed to
 * or drained.
 *
 * @throws MessagingConfigurationError with every client that is missing, and every function that made nothing usable.
 */
export async function makeBackends(
  settings: SwitchyardSettings,
  drivers: Drivers,
  clock: Clock,
): Promise<Backends> {
  const problems = await problemsOfClients(settings, drivers);
  if (problems.length > 0) throw new MessagingConfigurationError(problems);
  const making = new Making(settings, drivers, clock);
  for (const name of Object.keys(settings.transports)) await making.transport(name);
  const deadLetters = await making.deadLetters();
  const idempotency = await making.idempotency();
  const control = await making.control();
  if (making.problems.length > 0) throw new MessagingConfigurationError(making.problems);
  const owned = new Set(Object.values(settings.transports).flatMap(innerOf));
  for (const name of [...settings.routes.map(({ transport }) => transport), ...settings.drain])
    owned.delete(name);
  const transports = [...making.made.values()].filter(({ name }) => !owned.has(name));
  return { transports, deadLetters, idempotency, control, transportEvents: making.events };
}

type AnyTransport = SwitchyardSettings['transports'][string];

function innerOf(settings: AnyTransport): readonly string[] {
  return typeof settings === 'function' ? [] : membersOf(settings);
}

class Making {
  readonly events = new TransportEventRelay();
  readonly made = new Map<string, Transport>();
  readonly problems: string[] = [];

  constructor(
    private readonly settings: SwitchyardSettings,
    private readonly drivers: Drivers,
    private readonly clock: Clock,
  ) {}

  /** Makes a transport once, after its members. There are no circles, because the checks of settings refuse them. */
  async transport(name: string): Promise<Transport> {
    const known = this.made.get(name);
    if (known) return known;
    const settings = this.settings.transports[name];
    if (!settings) throw new Error(`There is no transport "${name}".`);
    const members: Transport[] = [];
    for (const member of innerOf(settings)) members.push(await this.transport(member));
    const { keepRefused } = this.events;
    const context = { name, clock: this.clock, onEvent: this.events.listenerFor(name), keepRefused };
    const transport =
      typeof settings === 'function'
        ? await makeOwn(TRANSPORT, `transports.${name}`, {
            make: () => settings(context),
            problems: this.problems,
            name,
          })
        : await this.#create(settings, context, members);
    this.made.set(name, transport);
    return transport;
  }

  async deadLetters(): Promise<Backends['deadLetters']> {
    const { store, transport } = this.settings.deadLetters;
    const { memory, embedded, redis } = this.drivers;
    if (typeof store === 'function')
      return makeOwn(STORE, 'deadLetters.store', {
        make: () => store(this.#storeContext('dead-letters')),
        problems: this.problems,
      });
    switch (store) {
      case 'memory':
        return memory.createDeadLetterStore(this.settings.deadLetters, this.clock);
      case 'embedded':
        return embedded.createDeadLetterStore(this.settings.deadLetters, this.#storeContext('dead-letters'));
      case 'redis':
        return redis.createDeadLetterStore(this.#redisServers(transport), this.#storeContext('dead-letters'));
    }
  }

  async idempotency(): Promise<Backends['idempotency']> {
    const { store, transport } = this.settings.idempotency;
    const { memory, embedded, redis } = this.drivers;
    if (typeof store === 'function')
      return makeOwn(STORE, 'idempotency.store', {
        make: () => store(this.#storeContext('idempotency')),
        problems: this.problems,
      });
    switch (store) {
      case 'memory':
        return memory.createIdempotencyStore(this.settings.idempotency, this.clock);
      case 'embedded':
        return embedded.createIdempotencyStore(this.settings.idempotency, this.#storeContext('idempotency'));
      case 'redis':
        return redis.createIdempotencyStore(this.#redisServers(transport), this.#storeContext('idempotency'));
    }
  }

  async control(): Promise<Backends['control']> {
    const { store, transport, directory } = this.settings.control;
    const { memory, embedded, redis } = this.drivers;
    const context = this.#storeContext('control');
    if (typeof store === 'function')
      return makeOwn(CONTROL_STORE, 'control.store', { make: () => store(context), problems: this.problems });
    switch (store) {
      case 'memory':
        return memory.createControlStore(this.clock);
      case 'embedded':
        return embedded.createControlStore({ directory }, context);
      case 'redis':
        return redis.createControlStore(this.#redisServers(transport), context);
    }
  }

  #storeContext(name: string): StoreContext {
    return { clock: this.clock, onEvent: this.events.listenerFor(name) };
  }

  /** This is the only list of transports. */
  async #create(
    settings: TransportSettings,
    context: TransportContext,
    members: readonly Transport[],
  ): Promise<Transport> {
    const { memory, embedded, redis, rabbitmq, kafka, composites } = this.drivers;
    switch (settings.kind) {
      case 'memory':
        return memory.createTransport(settings, context);
      case 'embedded':
        return embedded.createTransport(settings, context);
      case 'redis':
        return redis.createTransport(settings, context);
      case 'rabbitmq':
        return rabbitmq.createTransport(settings, context);
      case 'kafka':
        return kafka.createTransport(settings, context);
      case 'failover':
        return composites.createFailover(members, settings, context);
      case 'balanced':
        return composites.createBalanced(members, settings, context);
      case 'spooled': {
        const [transport, spool] = members as readonly [Transport, Transport];
        return composites.createSpooled({ transport, spool }, settings, context);
      }
    }
  }

  /** The servers of a store in Redis: those of the transport it names, or of the only one. The settings were checked. */
  #redisServers(name: string | undefined): RedisServerOptions {
    for (const [each, settings] of Object.entries(this.settings.transports)) {
      if (name !== undefined && name !== each) continue;
      if (typeof settings === 'object' && settings.kind === 'redis') return settings;
    }
    throw new Error('There is no transport of the kind redis.');
  }
}
