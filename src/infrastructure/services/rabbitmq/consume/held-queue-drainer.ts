import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Destination, PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { TransportServices } from '../watch/transport-services.js';
import { decode, type DecodedMessage } from '../wire/message-codec.js';
import type { Message } from '../client/amqplib-client.js';
import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { parkMalformed } from '../watch/malformed.js';
import { Shovel } from '../watch/shovel.js';

/** Several checks, because a publisher that found no group may write to the held queue after the first group was bound. */
const CHECK_MS = [0, 2_000, 15_000, 60_000];
const PREFETCH = 200;
/** A held queue that another process declares is found after this at the latest. */
const MISSING_MAX_MS = 120_000;
const POLL_MS = 50;

/** Delivers messages that were published while no group was bound. */
export class HeldQueueDrainer {
  #hasEnded = false;
  #checking: Promise<void> | undefined;
  #cancel = (): void => undefined;
  readonly #shovels = new Set<Shovel>();
  /** Held queues with a message of a newer version, which a process of that version delivers. */
  readonly #left = new Set<string>();

  constructor(
    private readonly services: TransportServices,
    private readonly formats: NewerFormats,
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
      void this.check(places).finally(() => this.#checkLater(places, later));
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
    for (const shovel of this.#shovels) shovel.close();
  }

  /** Delivers what is held now. Never rejects. */
  check(places: readonly Destination[]): Promise<void> {
    this.#checking ??= this.#check(places).finally(() => (this.#checking = undefined));
    return this.#checking;
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
    const { topology } = this.services;
    const queue = topology.names.held(place);
    if ((await this.#depth(queue)) === 0 || this.#hasEnded) return;
    this.#left.delete(queue);
    await topology.endHolding(place);
    const shovel = new Shovel(this.services.connection, queue, {
      prefetch: PREFETCH,
      move: async (raw) => this.#move(raw, place),
    });
    this.#shovels.add(shovel);
    try {
      await shovel.open(() => undefined);
      do await pause(POLL_MS, this.services.context.clock);
      while (!this.#left.has(queue) && shovel.isOpen && (!shovel.isIdle || (await this.#depth(queue)) > 0));
    } finally {
      shovel.close();
      this.#shovels.delete(shovel);
    }
  }

  /** What the broker refuses becomes a dead letter, because it would block the messages behind it. */
  async #move(raw: Message, place: Destination): Promise<boolean> {
    const { context } = this.services;
    const held = decode(raw, { isPublic: raw.fields.exchange !== '' });
    if (held.newerFormat !== undefined) {
      this.#left.add(this.services.topology.names.held(place));
      this.formats.found('held messages', held.newerFormat);
      return false;
    }
    if (await parkMalformed(context, held, this.services.topology.names.held(place), place)) return true;
    const outcome = await this.deliver(held, place);
    if (outcome?.kind !== 'refused' || !context.keepRefused) return outcome?.kind === 'accepted';
    const { message, attempt } = held;
    const { error } = outcome;
    await context.keepRefused({ to: place, message, error, transport: context.name, attempts: attempt - 1 });
    return true;
  }

  async #depth(queue: string): Promise<number> {
    const { queueDepths } = this.services;
    return (await queueDepths.of(queueDepths.mayExist([queue], MISSING_MAX_MS)))[0]?.messages ?? 0;
  }
}
