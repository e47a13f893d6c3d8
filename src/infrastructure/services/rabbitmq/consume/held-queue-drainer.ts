import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Destination, PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { TransportServices } from '../watch/transport-services.js';
import { decode, type DecodedMessage } from '../wire/message-codec.js';
import { Shovel } from '../watch/shovel.js';

/** Several checks, because a publisher that found no group may write to the held queue after the first group was bound. */
const CHECK_MS = [0, 2_000, 15_000, 60_000];
const PREFETCH = 200;
const POLL_MS = 50;

/** Delivers messages that were published while no group was bound. */
export class HeldQueueDrainer {
  #hasEnded = false;
  #cancel = (): void => undefined;
  readonly #shovels = new Set<Shovel>();

  constructor(
    private readonly services: TransportServices,
    private readonly deliver: (
      held: DecodedMessage,
      from: Destination,
    ) => Promise<PublishOutcome | undefined>,
  ) {}

  /** Checks several times, first now, or `later` when other groups are to be bound first. */
  start(places: readonly Destination[], when: 'now' | 'later' = 'now'): void {
    this.#checkLater(places, when === 'now' ? CHECK_MS : CHECK_MS.slice(1));
  }

  #checkLater(places: readonly Destination[], [nextMs, ...later]: readonly number[]): void {
    this.#cancel();
    if (nextMs === undefined || this.#hasEnded) return;
    this.#cancel = this.services.context.clock.schedule(nextMs, () => {
      void this.#check(places).finally(() => this.#checkLater(places, later));
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
    for (const shovel of this.#shovels) shovel.close();
  }

  async #check(places: readonly Destination[]): Promise<void> {
    for (const place of places)
      try {
        await this.#drain(place);
      } catch {
        // the connection is lost; the consumer checks again after its reconnect
      }
  }

  async #drain(place: Destination): Promise<void> {
    const queue = this.services.topology.names.held(place);
    if ((await this.#depth(queue)) === 0 || this.#hasEnded) return;
    const shovel = new Shovel(this.services.connection, queue, {
      prefetch: PREFETCH,
      move: async (raw) => (await this.deliver(decode(raw), place))?.kind === 'accepted',
    });
    this.#shovels.add(shovel);
    try {
      await shovel.open(() => undefined);
      do await pause(POLL_MS, this.services.context.clock);
      while (shovel.isOpen && (!shovel.isIdle || (await this.#depth(queue)) > 0));
    } finally {
      shovel.close();
      this.#shovels.delete(shovel);
    }
  }

  async #depth(queue: string): Promise<number> {
    return (await this.services.queueDepths.of([queue]))[0]?.messages ?? 0;
  }
}
