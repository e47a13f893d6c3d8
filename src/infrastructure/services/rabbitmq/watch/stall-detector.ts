import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { TransportServices } from './transport-services.js';
import { DeliveryProbe, type Watched } from './delivery-probe.js';
import { JitteredInterval } from './jittered-interval.js';

const CHECK_MS = 10_000;

/**
 * Replaces a channel that gets nothing from a queue that holds messages, and the connection when that does not help.
 *
 * After a partition the broker may have lost a consumer, or its deliveries, without a notice. Closing the channel makes it deliver
 * everything again.
 */
export class StallDetector {
  /** Queues that held messages at the last check and have delivered nothing since. */
  #suspects: ReadonlySet<string> = new Set();
  readonly #interval: JitteredInterval;
  readonly #probe: DeliveryProbe;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'queueDepths' | 'context'>,
    private readonly channel: Watched,
    private readonly options: { readonly probes: boolean },
  ) {
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#check());
    this.#probe = new DeliveryProbe(services, channel);
  }

  start(): void {
    this.#interval.start();
  }

  end(): void {
    this.#interval.end();
  }

  async #check(): Promise<void> {
    const still = this.channel.stillSinceLast();
    const states = await this.services.queueDepths.of(still);
    if (this.#hasEnded()) return;
    const waiting = still.filter(
      (queue, index) => (states[index]?.messages ?? 0) > 0 && this.channel.isStill(queue),
    );
    const stalled =
      waiting.find((queue) => this.#suspects.has(queue)) ??
      (await this.#unreached(still.filter((queue) => !waiting.includes(queue))));
    this.#suspects = new Set(waiting);
    if (stalled !== undefined && !this.#hasEnded()) this.#resubscribe(stalled);
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #hasEnded(): boolean {
    return this.#interval.hasEnded;
  }

  /** A queue that delivers nothing here although it looks empty. */
  async #unreached(queues: readonly string[]): Promise<string | undefined> {
    if (!this.options.probes) return undefined;
    for (const queue of queues.filter((one) => this.#probe.isDue(one)))
      if (!(await this.#probe.reaches(queue))) return queue;
    return undefined;
  }

  #resubscribe(queue: string): void {
    const { connection, context } = this.services;
    const text = `${connection.label} delivers nothing from the queue "${queue}" although it holds messages. The consumer subscribes again.`;
    context.onEvent({ type: 'error', error: new MessagingError('TRANSPORT_UNAVAILABLE', text) });
    this.channel.abandon();
    if (connection.hasStalledAgain(queue))
      connection.abandon(`delivers nothing from the queue "${queue}" on this node.`);
  }
}
