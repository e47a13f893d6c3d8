import {
  REPLAY_DEADLINE_MS,
  type ReplayPublication,
  type ReplayPublisher,
} from '../dead-letters/replay-publisher.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { type Route, RoutingTable } from '../routing/routing-table.js';
import { GuardedPublish, unanswered } from './guarded-publish.js';
import type { Clock, Destination, Transport, WireMessage } from '../ports/transport.js';

/** Which transport carries what: routes, the transports of earlier routes, and where a replay goes. */
export class TransportDirectory implements ReplayPublisher {
  readonly routes: readonly Route[];
  readonly #byName: ReadonlyMap<string, Transport>;
  readonly #table: RoutingTable;
  readonly #draining: readonly Transport[];
  readonly #calls: GuardedPublish;

  constructor(options: MessagingModuleOptions, clock: Clock) {
    this.#calls = new GuardedPublish(clock);
    this.#byName = new Map(options.transports.map((transport) => [transport.name, transport]));
    const first = options.transports[0]?.name;
    this.routes = options.routes ?? (first === undefined ? [] : [{ match: '**', transport: first }]);
    this.#table = new RoutingTable(this.routes);
    this.#draining = options.transports.filter((transport) => options.drain?.includes(transport.name));
  }

  /** Transport that new messages of the topic go to, or undefined when no route matches. */
  transportFor(topic: string): Transport | undefined {
    return this.#byName.get(this.#table.resolve(topic) ?? '');
  }

  /** Every transport that may hold messages of the topic. */
  transportsOf(topic: string): Transport[] {
    const routed = this.transportFor(topic);
    return [...new Set([...(routed ? [routed] : []), ...this.#draining])];
  }

  async publish(transport: string, to: Destination, message: WireMessage): Promise<ReplayPublication> {
    const target = this.#byName.get(transport) ?? this.transportFor(to.topic);
    if (!target) {
      const error = new Error(`No transport is configured for "${to.topic}".`);
      return { transport, outcome: { kind: 'refused', error } };
    }
    const call = { messages: [message], options: { deadlineMs: REPLAY_DEADLINE_MS } };
    const { settled } = await this.#calls.publish(target, to, call);
    return { transport: target.name, outcome: settled[0]?.outcome ?? unanswered(target.name) };
  }
}
