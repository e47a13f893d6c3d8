import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Destination, PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { TransportServices } from '../watch/transport-services.js';
import { decode, type DecodedMessage } from '../wire/message-codec.js';
import { Shovel } from '../watch/shovel.js';

/** A publisher that found no group may put its message aside a little after the first group has come. */
const LOOK_MS = [0, 2_000, 15_000, 60_000];
const PREFETCH = 200;
const POLL_MS = 50;

/** Gives a group what was published before any group was there. */
export class HeldQueueDrainer {
  #isEnded = false;
  #cancel = (): void => undefined;
  readonly #shovels = new Set<Shovel>();

  constructor(
    private readonly services: TransportServices,
    private readonly deliver: (
      held: DecodedMessage,
      from: Destination,
    ) => Promise<PublishOutcome | undefined>,
  ) {}

  /** Looks some times, first now, or `later` when other groups are to be there first. */
  start(places: readonly Destination[], when: 'now' | 'later' = 'now'): void {
    this.#look(places, when === 'now' ? LOOK_MS : LOOK_MS.slice(1));
  }

  #look(places: readonly Destination[], [nextMs, ...later]: readonly number[]): void {
    this.#cancel();
    if (nextMs === undefined || this.#isEnded) return;
    this.#cancel = this.services.context.clock.schedule(nextMs, () => {
      void this.#lookAt(places).finally(() => this.#look(places, later));
    });
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel();
    for (const mover of this.#shovels) mover.close();
  }

  async #lookAt(places: readonly Destination[]): Promise<void> {
    for (const place of places)
      try {
        await this.#claim(place);
      } catch {
        // the connection is lost; the consumer looks again once it is back
      }
  }

  async #claim(place: Destination): Promise<void> {
    const queue = this.services.topology.names.held(place);
    if ((await this.#depth(queue)) === 0 || this.#isEnded) return;
    const mover = new Shovel(this.services.connection, queue, {
      prefetch: PREFETCH,
      move: async (raw) => (await this.deliver(decode(raw), place))?.kind === 'accepted',
    });
    this.#shovels.add(mover);
    try {
      await mover.open(() => undefined);
      do await pause(POLL_MS, this.services.context.clock);
      while (mover.isOpen && (!mover.isIdle || (await this.#depth(queue)) > 0));
    } finally {
      mover.close();
      this.#shovels.delete(mover);
    }
  }

  async #depth(queue: string): Promise<number> {
    return (await this.services.depths.of([queue]))[0]?.messages ?? 0;
  }
}
