import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { TransportServices } from './transport-services.js';
import { DeliveryProbe, type Watched } from './delivery-probe.js';
import { JitteredInterval } from './jittered-interval.js';

const LOOK_MS = 10_000;

/**
 * Gives a channel up on which nothing comes although there is something, and the node when that does not help.
 *
 * A broker whose nodes lost each other may have forgotten a consumer, or what was sent to it, and tells nobody. Closing the channel makes
 * it hand out everything anew.
 */
export class StallDetector {
  /** Queues that had something at the last look, of which nothing has come since. */
  #suspects: ReadonlySet<string> = new Set();
  readonly #looks: JitteredInterval;
  readonly #probe: DeliveryProbe;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'depths' | 'context'>,
    private readonly channel: Watched,
    private readonly options: { readonly probes: boolean },
  ) {
    this.#looks = new JitteredInterval(services.context.clock, LOOK_MS, () => this.#look());
    this.#probe = new DeliveryProbe(services, channel);
  }

  start(): void {
    this.#looks.start();
  }

  end(): void {
    this.#looks.end();
  }

  async #look(): Promise<void> {
    const still = this.channel.stillSinceLast();
    const states = await this.services.depths.of(still);
    if (this.#hasEnded()) return;
    const waiting = still.filter(
      (queue, index) => (states[index]?.messages ?? 0) > 0 && this.channel.isStill(queue),
    );
    const stalled =
      waiting.find((queue) => this.#suspects.has(queue)) ??
      (await this.#unreached(still.filter((queue) => !waiting.includes(queue))));
    this.#suspects = new Set(waiting);
    if (stalled !== undefined && !this.#hasEnded()) this.#giveUp(stalled);
  }

  /** A call, because it may have changed while something was waited for. */
  #hasEnded(): boolean {
    return this.#looks.hasEnded;
  }

  /** One that empties without anything coming here. */
  async #unreached(queues: readonly string[]): Promise<string | undefined> {
    if (!this.options.probes) return undefined;
    for (const queue of queues.filter((one) => this.#probe.isDue(one)))
      if (!(await this.#probe.reaches(queue))) return queue;
    return undefined;
  }

  #giveUp(queue: string): void {
    const { connection, context } = this.services;
    const text = `${connection.label} hands out nothing from the queue "${queue}", although there is something. It is consumed anew.`;
    context.onEvent({ type: 'error', error: new MessagingError('TRANSPORT_UNAVAILABLE', text) });
    this.channel.abandon();
    if (connection.doubt(queue))
      connection.abandon(`hands out nothing from the queue "${queue}" on this node.`);
  }
}
