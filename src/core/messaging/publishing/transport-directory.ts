import {
  REPLAY_DEADLINE_MS,
  type ReplayPublication,
  type ReplayPublisher,
} from '../dead-letters/replay-publisher.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { allInside, isComposite } from '../ports/composite-transport.js';
import { carriesReplies } from '../ports/replies.js';
import { type Route, RoutingTable } from '../routing/routing-table.js';
import type { ReplySender } from '../delivery/request-processor.js';
import { MessagingError } from '../ports/errors.js';
import { DeadlineSweep, LATE } from '../transport-kit/deadline-sweep.js';
import { GuardedPublish, unanswered } from './guarded-publish.js';
import type { Clock, Destination, PublishOutcome, Transport, WireMessage } from '../ports/transport.js';

/** Which transport carries what: routes, the transports of earlier routes, and where a replay goes. */
export class TransportDirectory implements ReplayPublisher, ReplySender {
  readonly routes: readonly Route[];
  readonly #byName: ReadonlyMap<string, Transport>;
  readonly #table: RoutingTable;
  readonly #draining: readonly Transport[];
  readonly #calls: GuardedPublish;
  /** Of replies, for a transport that fails to keep them. */
  readonly #deadlines: DeadlineSweep;

  constructor(
    options: MessagingModuleOptions,
    private readonly clock: Clock,
  ) {
    this.#calls = new GuardedPublish(clock);
    this.#deadlines = new DeadlineSweep(clock);
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

  reply(
    name: string,
    address: string,
    reply: WireMessage,
    options: { readonly deadlineMs: number },
  ): Promise<PublishOutcome> {
    const transport = this.#byName.get(name);
    if (!transport || !carriesReplies(transport))
      return Promise.resolve({
        kind: 'refused',
        error: new Error(`Transport "${name}" carries no replies.`),
      });
    const deadline = this.clock.monotonic() + options.deadlineMs;
    const unknown = (error: unknown): PublishOutcome => ({
      kind: 'unknown',
      error: error instanceof Error && error !== LATE ? error : late(name),
    });
    try {
      return this.#deadlines.settled(transport.reply(address, reply, options), deadline, unknown);
    } catch (error) {
      return Promise.resolve(unknown(error));
    }
  }

  /** Why a request could not be answered on the transport that its topic is routed to; undefined when it can. */
  whyUnanswerable(topic: string): string | undefined {
    const transport = this.transportFor(topic);
    if (!transport) return undefined; // reported as a topic without a route
    const without = allInside([transport]).find((one) => !isComposite(one) && !carriesReplies(one));
    if (!without) return undefined;
    const others = [...this.#byName.values()].filter((one) =>
      allInside([one]).every((inside) => isComposite(inside) || carriesReplies(inside)),
    );
    const inside = without === transport ? '' : ` of "${transport.name}"`;
    const remedy =
      others.length > 0
        ? `Route the request to ${others.map(({ name }) => `"${name}"`).join(' or ')}: { match: '${topic}', transport: '${others[0]?.name ?? ''}' }.`
        : `Add a transport that carries replies, and route the request to it: { match: '${topic}', transport: ... }.`;
    return `Request "${topic}" is routed to "${without.name}"${inside}, a transport of kind ${without.system}, which carries no replies. ${remedy}`;
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

function late(transport: string): MessagingError {
  return new MessagingError('DEADLINE_EXCEEDED', `"${transport}" did not answer in time.`);
}
