import type { Subscription } from '../../../../core/messaging/ports/transport.js';
import { JitteredInterval } from './jittered-interval.js';
import type { TransportServices } from './transport-services.js';

const CHECK_MS = 20_000;
/** The list of groups is read from the broker once in this many checks; otherwise the remembered one is used. */
const READ_EVERY = 15;
/** A queue that is missing for this many checks in a row is reported: one that a group declares just now is not. */
const MISSING_CHECKS = 2;

/**
 * Checks that a topic still delivers to this group and to the others, because the broker notifies no consumer of a deleted exchange, a
 * deleted binding or a deleted queue of another group.
 */
export class BindingWatch {
  readonly #interval: JitteredInterval;
  readonly #missing = new Map<string, number>();
  #checks = 0;

  /** @param held delivers what was held for the topic or the group. */
  constructor(
    private readonly services: TransportServices,
    private readonly subscription: Subscription,
    private readonly held: () => Promise<void>,
  ) {
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#check());
  }

  start(): void {
    this.#interval.start();
  }

  end(): void {
    this.#interval.end();
  }

  async #check(): Promise<void> {
    const { topology } = this.services;
    const { topic } = this.subscription;
    if (!(await topology.exists('exchange', topology.names.exchange({ topic })))) {
      topology.forget();
      await topology.exchange({ topic });
    }
    await topology.bindAgain(this.subscription);
    await this.#checkOthers();
    await this.held();
  }

  async #checkOthers(): Promise<void> {
    const { topology, queueDepths, heldPlaces } = this.services;
    const { topic, group: own } = this.subscription;
    const from = this.#checks % READ_EVERY === 0 ? 'broker' : 'memory';
    this.#checks += 1;
    const others = [...(await topology.knownGroups(topic, from)).values()].filter(
      ({ group }) => group !== own,
    );
    const states = await queueDepths.of(others.map(({ group }) => topology.names.queue({ topic, group })));
    for (const [index, known] of others.entries()) {
      if (this.#interval.hasEnded) return;
      if (states[index]) this.#found(known.group);
      else if (!(await topology.bindKnown(topic, known))) {
        const to = { topic, group: known.group };
        heldPlaces.set(topology.names.held(to), to);
        this.#reportMissing(known.group);
      }
    }
  }

  #found(group: string): void {
    if (!this.#missing.delete(group)) return;
    this.services.problems.solve('queue_deleted', { topic: this.subscription.topic, group });
  }

  #reportMissing(group: string): void {
    const { connection, problems, topology } = this.services;
    const { topic } = this.subscription;
    const checks = (this.#missing.get(group) ?? 0) + 1;
    this.#missing.set(group, checks);
    if (checks < MISSING_CHECKS) return;
    const queue = topology.names.queue({ topic, group });
    problems.add({
      code: 'queue_deleted',
      topic,
      group,
      detail:
        `${connection.label} has no queue "${queue}" of a group that has consumed the topic; its unhandled messages are lost. ` +
        `New ones are kept in "${topology.names.held({ topic, group })}" until the group consumes again. ` +
        'Start the group, or remove it with DELETE /api/v1/groups.',
    });
  }
}
