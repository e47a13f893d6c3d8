import type { TransportEventRelay } from '../core/messaging/observing/transport-event-relay.js';
import type { Clock, Transport, TransportContext } from '../core/messaging/ports/transport.js';
import {
  type BalancedOptions,
  balancedOptionsSchema,
} from '../infrastructure/services/composites/balanced/balanced.options.js';
import { CompositesDriver } from '../infrastructure/services/composites/composites.driver.js';
import {
  type FailoverOptions,
  failoverOptionsSchema,
} from '../infrastructure/services/composites/failover/failover.options.js';
import {
  type SpooledOptions,
  spooledOptionsSchema,
} from '../infrastructure/services/composites/spooled/spooled.options.js';
import { memoryOptionsSchema } from '../infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../infrastructure/services/memory/memory.transport.js';
import { AnsweringTransport, SeverableTransport } from './severable-transport.js';

const BROKERS = ['memory', 'embedded', 'redis', 'rabbitmq', 'kafka'] as const;

/**
 * A transport as the options of the application describe it. One that combines others is what it is in production; each
 * other one is replaced by a transport in memory of the same name, so only its `kind` is read.
 */
export type TestTransport =
  | { readonly kind: (typeof BROKERS)[number]; readonly [option: string]: unknown }
  | ({ readonly kind: 'failover'; readonly members: readonly string[] } & Partial<FailoverOptions>)
  | ({ readonly kind: 'balanced'; readonly members: readonly string[] } & Partial<BalancedOptions>)
  | ({
      readonly kind: 'spooled';
      readonly transport: string;
      readonly spool: string;
    } & Partial<SpooledOptions>);

/** The transports of one application in a test. */
export interface MadeTransports {
  /** By name; those that combine no others. */
  readonly brokers: ReadonlyMap<string, SeverableTransport>;
  /** Names of those that serve as a spool. */
  readonly spools: ReadonlySet<string>;
  /** All, by name. */
  readonly made: ReadonlyMap<string, Transport>;
  /** Names of those that are inside others. */
  readonly inside: ReadonlySet<string>;
  readonly problems: readonly string[];
}

/** Makes the transports, but connects none. Mistakes are sentences in `problems`. */
export async function makeTransports(
  given: Readonly<Record<string, TestTransport>>,
  { clock, events }: { readonly clock: Clock; readonly events: TransportEventRelay },
): Promise<MadeTransports> {
  const making = new Making(given, (name) => ({
    ...{ name, clock, keepRefused: events.keepRefused },
    onEvent: events.listenerFor(name),
  }));
  for (const name of Object.keys(given)) await making.make(name, []);
  return making;
}

class Making implements MadeTransports {
  readonly brokers = new Map<string, SeverableTransport>();
  readonly spools = new Set<string>();
  readonly made = new Map<string, Transport>();
  readonly inside = new Set<string>();
  readonly problems: string[] = [];
  readonly #composites = new CompositesDriver();

  constructor(
    private readonly given: Readonly<Record<string, TestTransport>>,
    private readonly contextOf: (name: string) => TransportContext,
  ) {}

  /** @param path names of the transports that this one is inside of. */
  async make(name: string, path: readonly string[]): Promise<Transport | undefined> {
    const known = this.made.get(name);
    if (known) return known;
    const settings = this.given[name];
    const problem = this.#problemOf(name, settings, path);
    if (problem !== undefined || !settings) {
      this.problems.push(`transports.${path[0] ?? name} ${problem}`);
      return undefined;
    }
    const members: Transport[] = [];
    const names = membersOf(settings);
    for (const member of names) {
      this.inside.add(member);
      const made = await this.make(member, [...path, name]);
      if (made) members.push(made);
    }
    if (members.length < names.length) return undefined;
    try {
      const transport = await this.#create(settings, this.contextOf(name), members);
      this.made.set(name, transport);
      return transport;
    } catch (error) {
      this.problems.push(`transports.${name} cannot be made: ${(error as Error).message}`);
      return undefined;
    }
  }

  #problemOf(name: string, settings: TestTransport | undefined, path: readonly string[]): string | undefined {
    const names = Object.keys(this.given).join(', ');
    if (path.includes(name)) return `is inside itself: ${[...path, name].join(' > ')}.`;
    if (settings === undefined) return `names the transport ${JSON.stringify(name)}, but there are ${names}.`;
    const { kind } = settings as { readonly kind?: unknown };
    if ([...BROKERS, 'failover', 'balanced', 'spooled'].includes(kind as string)) return undefined;
    return `has the kind ${JSON.stringify(kind)}. Give the options of the application, or { kind: 'memory' }.`;
  }

  async #create(
    settings: TestTransport,
    context: TransportContext,
    members: readonly Transport[],
  ): Promise<Transport> {
    if (settings.kind === 'failover') {
      const { kind: _, members: __, ...options } = settings;
      return this.#composites.createFailover(members, failoverOptionsSchema.parse(options), context);
    }
    if (settings.kind === 'balanced') {
      const { kind: _, members: __, ...options } = settings;
      return this.#composites.createBalanced(members, balancedOptionsSchema.parse(options), context);
    }
    if (settings.kind === 'spooled') {
      const { kind: _, transport: __, spool: name, ...options } = settings;
      const [transport, spool] = members as readonly [Transport, Transport];
      this.spools.add(name);
      const parsed = spooledOptionsSchema.parse(options);
      return this.#composites.createSpooled({ transport, spool }, parsed, context);
    }
    const memory = new MemoryTransport(memoryOptionsSchema.parse({}), context);
    const durability = settings.kind === 'memory' ? 'memory' : 'acknowledged';
    // As in production, so that a test of an application finds a request that is routed there.
    const Severable = settings.kind === 'kafka' ? SeverableTransport : AnsweringTransport;
    const broker = new Severable(memory, context.onEvent, durability);
    this.brokers.set(context.name, broker);
    return broker;
  }
}

function membersOf(settings: TestTransport): readonly string[] {
  if (settings.kind === 'failover' || settings.kind === 'balanced') return settings.members;
  return settings.kind === 'spooled' ? [settings.transport, settings.spool] : [];
}
