import { MessagingError } from '../../../core/messaging/messaging.errors.js';
import type { ConsumerChannel } from './consumer-channel.js';
import type { ConsumerServices } from './consumer-services.js';
import { RepeatedLook } from './repeated-look.js';

const LOOK_MS = 10_000;

/**
 * Gives a channel up on which nothing comes although there is something.
 *
 * A broker whose nodes lost each other may have forgotten a consumer, or what was sent to it, and tells nobody. Closing the channel makes
 * it hand out everything anew.
 */
export class StallWatch {
  /** Queues that had something at the last look, of which nothing has come since. */
  #suspects: ReadonlySet<string> = new Set();
  readonly #looks: RepeatedLook;

  constructor(
    private readonly services: Pick<ConsumerServices, 'connection' | 'depths' | 'context'>,
    private readonly channel: ConsumerChannel,
  ) {
    this.#looks = new RepeatedLook(services.context.clock, LOOK_MS, () => this.#look());
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
    if (this.#looks.hasEnded) return;
    const waiting = still.filter(
      (queue, index) => (states[index]?.messages ?? 0) > 0 && this.channel.isStill(queue),
    );
    const stalled = waiting.find((queue) => this.#suspects.has(queue));
    this.#suspects = new Set(waiting);
    if (stalled === undefined) return;
    const text = `${this.services.connection.label} hands out nothing from the queue "${stalled}", although there is something. It is consumed anew.`;
    this.services.context.onEvent({
      type: 'error',
      error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
    });
    this.channel.abandon();
  }
}
