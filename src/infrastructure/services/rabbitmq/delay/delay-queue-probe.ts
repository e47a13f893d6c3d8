import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { TransportServices } from '../watch/transport-services.js';
import type { DelayRouter } from './delay-router.js';
import { ProbeBackoff } from '../watch/probe-backoff.js';
import { tryLock } from '../connection/exclusive-lock.js';
import { JitteredInterval } from '../watch/jittered-interval.js';

const LOOK_MS = 10_000;
/** While it lasts, this process alone sends on what is due. What waits for longer has often been taken out by {@link OverdueSweeper} before. */
const LONGEST_MS = 2 ** 13;

/**
 * Finds queues for waiting from which nothing comes any more, tells of them, and has them avoided.
 *
 * RabbitMQ hands on what has expired in a quorum queue by a process beside the queue's leader. When that has got stuck (seen with 3.10.8,
 * after all nodes were killed at once), the queue takes messages and looks empty, and only whoever lets something wait there can notice. What is
 * there is safe, and comes once the queue has another leader.
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/7677 mends two causes (after 3.10.8), https://github.com/rabbitmq/rabbitmq-server/issues/12625
 * and https://github.com/rabbitmq/rabbitmq-server/issues/16652 (4.2.4) are open: so it runs against every release.
 */
export class DelayQueueProbe {
  #plan: ProbeBackoff;
  readonly #looks: JitteredInterval;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'context' | 'topology' | 'waitQueues'>,
    private readonly router: DelayRouter,
  ) {
    this.#plan = new ProbeBackoff(services.context.clock);
    this.#looks = new JitteredInterval(services.context.clock, LOOK_MS, () => this.#look());
  }

  /** Also after a reconnect: whatever the connection was lost for may have done it. */
  start(): void {
    this.#plan = new ProbeBackoff(this.services.context.clock);
    this.#looks.start();
  }

  close(): void {
    this.#looks.end();
  }

  /** One process at a time: only what comes to the one that tries is noticed. */
  async #look(): Promise<void> {
    const { connection, topology } = this.services;
    if (!this.router.isOpen || this.#due().length === 0) return;
    const release = await tryLock(connection, topology.names.dueLock);
    if (!release) return;
    try {
      await this.#tryAll();
    } finally {
      release();
    }
  }

  async #tryAll(): Promise<void> {
    const end = await this.router.prefer();
    if (!end) return;
    try {
      const queues = this.#due();
      for (const [queue] of queues) this.#plan.done(queue);
      await Promise.all(queues.map(([queue, levelMs]) => this.#try(queue, levelMs)));
    } finally {
      await end();
    }
  }

  #due(): readonly (readonly [queue: string, levelMs: number])[] {
    return [...this.services.waitQueues.known]
      .map(([queue, { levelMs }]) => [queue, levelMs] as const)
      .filter(([queue, levelMs]) => levelMs <= LONGEST_MS && this.#plan.isDue(queue));
  }

  async #try(queue: string, levelMs: number): Promise<void> {
    const hasCome = await this.router.comesFrom(queue, levelMs);
    if (hasCome === true) this.services.waitQueues.proved(queue, true);
    else if (hasCome === false && !this.#looks.hasEnded) this.#tell(queue, levelMs);
  }

  #tell(queue: string, levelMs: number): void {
    this.services.waitQueues.proved(queue, false);
    this.#plan.soon(queue);
    const text =
      `${this.services.connection.label} hands nothing on from the queue "${queue}", in which messages wait for ${levelMs} ms. It keeps them. ` +
      'Start the node anew that "rabbitmqctl list_queues name leader" names, and they come; until then, this process lets messages wait elsewhere.';
    this.services.context.onEvent({
      type: 'error',
      error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
    });
  }
}
