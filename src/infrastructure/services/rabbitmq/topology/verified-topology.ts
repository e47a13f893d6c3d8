import type { Destination, Subscription } from '../../../../core/messaging/ports/transport.js';
import { routingKeysOf } from '../wire/key-buckets.js';
import { DELAY_LEVELS } from './delay-levels.js';
import type { KnownGroups } from './group-registry.js';
import { type Declaration, missingTopology } from './missing-topology.js';
import { groupQueue, heldQueue, keepingQueue, pingQueue, plainQueue, waitQueue } from './queue-arguments.js';
import { Topology } from './topology.js';

/**
 * The topology with `topology: 'verify'`: declares, binds and deletes nothing. Checks passively that exchanges and queues exist, and
 * fails with the commands that declare those that do not.
 *
 * AMQP cannot check a binding or the arguments of a queue without declaring it, so these are not verified.
 */
export class VerifiedTopology extends Topology {
  override async ready(): Promise<void> {
    await this.#verify([...this.#due(), ...this.#kept(), this.#ping()]);
  }

  override exchange(to: Destination): Promise<void> | undefined {
    return this.#once(this.names.exchange(to), () => this.#verify(this.#exchange(to)));
  }

  override waitQueue(to: Destination, levelMs: number): Promise<void> | undefined {
    const name = this.names.wait(to, levelMs);
    return this.#once(name, () => this.#verify([queue(name, waitQueue(this.names, levelMs))]));
  }

  override heldQueue(to: Destination): Promise<void> | undefined {
    const name = this.names.held(to);
    return this.#once(name, () => this.#verify([queue(name, heldQueue(this.options, this.names))]));
  }

  override pingQueue(): Promise<void> | undefined {
    return this.#once(this.names.ping, () => this.#verify([this.#ping()]));
  }

  override unroutableQueue(): Promise<void> | undefined {
    return this.#once(this.names.unroutable, () => this.#verify(this.#kept()));
  }

  override newerQueue(name: string): Promise<void> | undefined {
    return this.#once(name, () => this.#verify([queue(name, plainQueue())]));
  }

  override due(): Promise<void> | undefined {
    return this.#once(this.names.due, () => this.#verify(this.#due()));
  }

  override async group(subscription: Subscription): Promise<readonly string[]> {
    const { topic, group, ordering } = subscription;
    const to = { topic, group };
    const partitions = ordering === 'key' ? this.options.keyPartitions : 0;
    const queues = this.queuesOf(to).slice(0, Math.max(1, partitions));
    await this.#once(`${this.names.exchange(to)} queues`, () =>
      this.#verify([
        ...this.#due(),
        ...this.#exchange({ topic }),
        ...this.#exchange(to),
        ...queues.map((name) => queue(name, groupQueue(this.options, this.names, ordering))),
        ...(partitions > 0 ? [queue(this.names.members(to), plainQueue())] : []),
        ...DELAY_LEVELS.map((level) => queue(this.names.wait(to, level), waitQueue(this.names, level))),
        ...this.#bindings(to, queues, partitions),
      ]),
    );
    return queues;
  }

  /** Nothing is bound, so that no list of groups is kept. */
  override knownGroups(): Promise<KnownGroups> {
    return Promise.resolve(new Map());
  }

  override bindAgain(): Promise<void> {
    return Promise.resolve();
  }

  override endHolding(): Promise<void> {
    return Promise.resolve();
  }

  #once(name: string, verify: () => Promise<void>): Promise<void> | undefined {
    return this.once(name, verify);
  }

  async #verify(declarations: readonly Declaration[]): Promise<void> {
    const missing: Declaration[] = [];
    for (const declaration of declarations)
      if (declaration.kind !== 'binding' && !(await this.exists(declaration.kind, declaration.name)))
        missing.push(declaration);
    if (missing.length === 0) return;
    const bindings = declarations.filter(({ kind }) => kind === 'binding');
    throw missingTopology(this.label, [...missing, ...bindings]);
  }

  #due(): readonly Declaration[] {
    const { due } = this.names;
    return [
      { kind: 'exchange', name: due, type: 'fanout' },
      queue(due, plainQueue()),
      { kind: 'binding', source: due, to: 'queue', name: due, routingKey: '' },
    ];
  }

  #kept(): readonly Declaration[] {
    return [queue(this.names.unroutable, keepingQueue(this.names))];
  }

  #ping(): Declaration {
    return queue(this.names.ping, pingQueue());
  }

  /** An exchange with the queue that keeps what is published while no group is bound. */
  #exchange(to: Destination): readonly Declaration[] {
    const type = to.group === undefined ? 'fanout' : 'topic';
    return [
      { kind: 'exchange', name: this.names.exchange(to), type },
      queue(this.names.held(to), heldQueue(this.options, this.names)),
    ];
  }

  #bindings(
    to: Required<Destination>,
    queues: readonly string[],
    partitions: number,
  ): readonly Declaration[] {
    const source = this.names.exchange(to);
    const whole = this.names.exchange({ topic: to.topic });
    const [first = ''] = queues;
    const own = queues.flatMap((name, partition) =>
      (partitions > 0 ? routingKeysOf(partition, partitions) : ['#']).map((routingKey): Declaration => ({
        kind: 'binding',
        source,
        to: 'queue',
        name,
        routingKey,
      })),
    );
    const ofTopic: Declaration =
      partitions > 0
        ? { kind: 'binding', source: whole, to: 'exchange', name: source, routingKey: '' }
        : { kind: 'binding', source: whole, to: 'queue', name: first, routingKey: '' };
    return [...own, ofTopic];
  }
}

function queue(name: string, args: Extract<Declaration, { kind: 'queue' }>['args']): Declaration {
  return { kind: 'queue', name, args };
}
