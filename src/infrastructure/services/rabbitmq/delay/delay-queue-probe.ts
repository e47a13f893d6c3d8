import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { TransportServices } from '../watch/transport-services.js';
import type { DelayRouter } from './delay-router.js';
import { ProbeBackoff } from '../watch/probe-backoff.js';
import { tryLock } from '../connection/exclusive-lock.js';
import { JitteredInterval } from '../watch/jittered-interval.js';

const CHECK_MS = 10_000;
/** During a probe only this process routes due messages. Longer levels are covered by {@link OverdueSweeper}. */
const LONGEST_MS = 2 ** 13;

/**
 * Finds delay queues that no longer dead-letter their expired messages, reports them and has them avoided.
 *
 * RabbitMQ dead-letters from a quorum queue in a process beside the leader. When that process is stuck (seen with 3.10.8, after all
 * nodes were killed at once), the queue accepts messages and looks empty, so that only a probe message shows it. Its messages are safe
 * and arrive once the queue has another leader.
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/7677 fixes two causes (after 3.10.8), https://github.com/rabbitmq/rabbitmq-server/issues/12625
 * and https://github.com/rabbitmq/rabbitmq-server/issues/16652 (4.2.4) are open: so it runs against every release.
 */
export class DelayQueueProbe {
  #plan: ProbeBackoff;
  readonly #interval: JitteredInterval;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'context' | 'topology' | 'waitQueues'>,
    private readonly router: DelayRouter,
  ) {
    this.#plan = new ProbeBackoff(services.context.clock);
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#check());
  }

  /** Also after a reconnect, because the cause of the reconnect may have stopped a queue. */
  start(): void {
    this.#plan = new ProbeBackoff(this.services.context.clock);
    this.#interval.start();
  }

  close(): void {
    this.#interval.end();
  }

  /** One process at a time, because only probes that arrive at the probing process count. */
  async #check(): Promise<void> {
    const { connection, topology } = this.services;
    // Without the lock, several processes would probe at once and take each other's probes.
    if (!connection.mayDeclare || !this.router.isOpen || this.#due().length === 0) return;
    const release = await tryLock(connection, topology.names.dueLock);
    if (!release) return;
    try {
      await this.#probeAll();
    } finally {
      await release();
    }
  }

  async #probeAll(): Promise<void> {
    const end = await this.router.prefer();
    if (!end) return;
    try {
      const queues = this.#due();
      for (const [queue] of queues) this.#plan.done(queue);
      await Promise.all(queues.map(([queue, levelMs]) => this.#probe(queue, levelMs)));
    } finally {
      await end();
    }
  }

  #due(): readonly (readonly [queue: string, levelMs: number])[] {
    return [...this.services.waitQueues.known]
      .map(([queue, { levelMs }]) => [queue, levelMs] as const)
      .filter(([queue, levelMs]) => levelMs <= LONGEST_MS && this.#plan.isDue(queue));
  }

  async #probe(queue: string, levelMs: number): Promise<void> {
    const hasCome = await this.router.comesFrom(queue, levelMs);
    if (hasCome === true) this.services.waitQueues.proved(queue, true);
    else if (hasCome === false && !this.#interval.hasEnded) this.#report(queue, levelMs);
  }

  #report(queue: string, levelMs: number): void {
    this.services.waitQueues.proved(queue, false);
    this.#plan.soon(queue);
    const text =
      `${this.services.connection.label} does not dead-letter from the delay queue "${queue}" (${levelMs} ms). Its messages are kept. ` +
      'Restart the node that leads it (rabbitmqctl list_queues name leader) to release them; until then, this process uses other delay queues.';
    this.services.context.onEvent({
      type: 'error',
      error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
    });
  }
}
