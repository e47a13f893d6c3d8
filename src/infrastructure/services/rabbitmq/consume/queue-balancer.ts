import { shuffled } from '../../../../core/messaging/transport-kit/shuffle.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import type { ConsumerChannel } from './consumer-channel.js';
import type { TransportServices } from '../watch/transport-services.js';
import { withExclusiveLock } from '../connection/exclusive-lock.js';
import { JitteredInterval } from '../watch/jittered-interval.js';
import { isTaken } from '../watch/delivery-probe.js';

/** How often the share is checked: the queues of a dead process are taken over after about this time. */
const CHECK_MS = 1_000;

/** State of a queue of the group at a check. */
interface Seen {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
}

/**
 * Spreads a group's ordered queues evenly over its processes.
 *
 * The broker keeps one active consumer a queue, and order depends on nothing else. But it would leave all queues to the process
 * that came first. So every process consumes a members queue, on which nothing is published, to be counted; takes queues without
 * a consumer up to its share; and cancels those beyond it.
 *
 * After a partition or a crash of all nodes the broker may count consumers that are gone. So a process also takes queues that appear
 * to be unserved, in addition to its share.
 */
export class QueueBalancer {
  readonly #unserved = new UnservedQueues();
  readonly #members: string;
  readonly #interval: JitteredInterval;

  constructor(
    private readonly services: TransportServices,
    private readonly channel: ConsumerChannel,
    private readonly queues: readonly string[],
    private readonly of: Required<Destination>,
  ) {
    this.#members = services.topology.names.members(of);
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#balance());
  }

  /** Resolves once it consumes the free queues of its share. */
  async start(): Promise<void> {
    await this.channel.consume(this.#members);
    await this.#balance();
    this.#interval.start();
  }

  end(): void {
    this.#interval.end();
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #isRunning(): boolean {
    return !this.#interval.hasEnded;
  }

  async #balance(): Promise<void> {
    const [members, ...states] = await this.services.queueDepths.of([this.#members, ...this.queues]);
    if (!this.#isRunning()) return;
    const share = Math.ceil(this.queues.length / Math.max(1, members?.consumers ?? 1));
    const { consumed } = this.channel;
    const seen = shuffled(
      this.queues.map((queue, at) => ({ queue, ...(states[at] ?? { messages: 0, consumers: 0 }) })),
    );
    const ours = seen.filter(({ queue }) => consumed.has(queue));
    const others = seen.filter(({ queue }) => !consumed.has(queue));
    this.#unserved.observe(others, share);
    await this.#leaveBehind(ours.filter((one) => this.#isContested(one)).map(({ queue }) => queue));
    const counted = ours.map(({ queue }) => queue).filter((queue) => this.#counts(queue));
    const missing = share - counted.filter((queue) => !this.channel.isLeaving(queue)).length;
    if (missing <= 0) await this.#leave(counted, -missing);
    else {
      const kept = this.#keep(counted, missing);
      const free = others.filter(({ consumers }) => consumers === 0).map(({ queue }) => queue);
      await this.#takeExclusively(free, missing - kept);
    }
    await this.#take(this.#unserved.take().filter((queue) => !consumed.has(queue)));
  }

  /** Queues taken because they were unserved do not count for the share. */
  #counts(queue: string): boolean {
    return this.channel.consumed.has(queue) && !this.#unserved.isTaken(queue);
  }

  /**
   * A quorum queue counts a cancelled consumer until its messages are settled, so that no other process takes the queue before. A
   * classic one does not: it is cancelled once its next message is settled, because only then no message of it is on the way here.
   */
  async #leave(counted: readonly string[], tooMany: number): Promise<void> {
    const staying = counted.filter((queue) => !this.channel.isLeaving(queue));
    const leaving = staying.slice(0, tooMany);
    if (this.services.options.queueType === 'quorum') await this.#leaveBehind(leaving);
    else for (const queue of leaving) this.channel.leaveNext(queue);
  }

  async #leaveBehind(queues: readonly string[]): Promise<void> {
    await Promise.all(
      queues.map((queue) => this.channel.leaveBehind(queue, () => isTaken(this.services, queue))),
    );
  }

  /** Keeps queues that were about to be cancelled. Returns how many. */
  #keep(counted: readonly string[], missing: number): number {
    const again = counted.filter((queue) => this.channel.isLeaving(queue)).slice(0, missing);
    for (const queue of again) this.channel.keep(queue);
    return again.length;
  }

  /**
   * The broker does not count consumers that wait behind the active one of a quorum queue (seen with 3.10.8). Two processes that
   * subscribe to the same queue at once would both keep it in their share, one of them without deliveries. A lock prevents that.
   *
   * https://github.com/rabbitmq/rabbitmq-server/pull/16185 is about the same count, in 2026.
   */
  async #takeExclusively(free: readonly string[], count: number): Promise<void> {
    if (free.length === 0 || count <= 0) return;
    const { connection, queueDepths, topology } = this.services;
    await withExclusiveLock(connection, topology.names.shareLock(this.of), async () => {
      const states = await queueDepths.of(free);
      const still = free.filter((_, at) => states[at]?.consumers === 0);
      await this.#take(still.slice(0, count));
    });
  }

  async #take(queues: readonly string[]): Promise<void> {
    for (const queue of queues) if (this.#isRunning()) await this.channel.consume(queue);
  }

  /** Two processes consume it, and this one seems to wait behind the other. */
  #isContested({ queue, consumers }: Seen): boolean {
    return consumers > 1 && !this.channel.hasServed(queue) && Math.random() < 0.5;
  }
}

/** Checks without a decrease after which a queue that holds messages counts as unserved. */
const UNSERVED_AFTER_CHECKS = 10;

/** Finds queues of other processes that no process serves, by their depth over several checks. */
export class UnservedQueues {
  /** By queue: the lowest recent depth, and for how many checks it has not decreased. */
  readonly #candidates = new Map<string, { lowest: number; checks: number }>();
  readonly #taken = new Set<string>();
  #share = 0;

  /** @param share of this process; when it changes, processes have joined or left, and taken queues count for the share again. */
  observe(others: readonly { readonly queue: string; readonly messages: number }[], share: number): void {
    if (share !== this.#share) this.#taken.clear();
    this.#share = share;
    const before = new Map(this.#candidates);
    this.#candidates.clear();
    for (const { queue, messages } of others) {
      this.#taken.delete(queue);
      if (messages === 0) continue;
      const { lowest, checks } = before.get(queue) ?? { lowest: Infinity, checks: 0 };
      this.#candidates.set(
        queue,
        messages < lowest ? { lowest: messages, checks: 1 } : { lowest, checks: checks + 1 },
      );
    }
  }

  /** Returns the unserved queues. From now on they do not count for the share. */
  take(): readonly string[] {
    const unserved = [...this.#candidates].filter(([, { checks }]) => checks > UNSERVED_AFTER_CHECKS);
    for (const [queue] of unserved) {
      this.#candidates.delete(queue);
      this.#taken.add(queue);
    }
    return unserved.map(([queue]) => queue);
  }

  isTaken(queue: string): boolean {
    return this.#taken.has(queue);
  }
}
