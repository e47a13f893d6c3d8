import type { Destination, PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { Message } from '../client/amqplib-client.js';
import type { TransportServices } from '../watch/transport-services.js';
import { failureOf } from '../client/rabbitmq-errors.js';
import { Interruption } from '../watch/interruption.js';
import { TOLERANCE } from '../topology/delay-levels.js';
import { isTaken, PRIORITY } from '../watch/delivery-probe.js';
import { decode, type Delay, PROBE, probedIn, type Removal, removalOf } from '../wire/message-codec.js';
import { ACCEPTED } from '../publish/outbound-message.js';
import { parkMalformed } from '../watch/malformed.js';
import { ReconnectLoop } from '../../../../core/messaging/transport-kit/reconnect-loop.js';
import { handedOverFormats } from '../watch/newer-messages.js';
import { Shovel } from '../watch/shovel.js';
import { StallDetector } from '../watch/stall-detector.js';
import { StrayRouter } from './stray-router.js';

const PREFETCH = 500;
/** A probe that is later than this counts as stuck. */
const GRACE_MS = 20_000;
/** Time to process deliveries that arrived while this process was paused. */
const CATCH_UP_MS = 1_000;

/** A message that was taken out of a delay queue. */
export interface Taken {
  readonly queue: string;
  /** What it had still to wait there. */
  readonly restMs: number;
}

/**
 * Routes expired messages of the delay queues: to their destination, or to the delay queue of the remaining time. Every process
 * that consumes runs one.
 */
export class DelayRouter {
  readonly #shovel: Shovel;
  /** Of due messages that processes of earlier versions hand over. */
  readonly #handedOver: readonly { readonly queue: string; readonly shovel: Shovel }[];
  readonly #strays: StrayRouter;
  readonly #reconnectLoop: ReconnectLoop;
  readonly #interruption: Interruption;
  #stallDetector: StallDetector | undefined;
  /** By delay queue: the probe that is expected from it. */
  readonly #expectedProbes = new Map<string, (hasCome: boolean | undefined) => void>();
  #isClosed = false;
  #starting: Promise<void> | undefined;

  constructor(
    private readonly services: TransportServices,
    private readonly report: (error: unknown) => void,
  ) {
    const { connection, topology, context } = services;
    this.#shovel = new Shovel(connection, topology.names.due, {
      prefetch: PREFETCH,
      move: (message) => this.sendOn(message),
      seen: (message) => this.#seen(message),
    });
    this.#handedOver = handedOverFormats().map((format) => {
      const queue = topology.names.newerDue(format);
      const move = (message: Message): Promise<boolean> => this.sendOn(message);
      return { queue, shovel: new Shovel(connection, queue, { prefetch: PREFETCH, move }) };
    });
    this.#strays = new StrayRouter(services);
    this.#interruption = new Interruption(services.problems, context.clock, {
      code: 'delays_interrupted',
      detail: `This process does not route messages that are due from "${topology.names.due}"`,
    });
    this.#reconnectLoop = new ReconnectLoop(
      (lost) => this.#open(lost),
      context.clock,
      (error) => this.#interruption.failed(failureOf(error, connection.label, false).error),
    );
  }

  /** Rejects when the broker refuses or is out of reach; may be called again. */
  start(): Promise<void> {
    this.#starting ??= this.#reconnectLoop.start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  close(): void {
    this.#isClosed = true;
    this.#endProbes();
    this.#interruption.end();
    this.#reconnectLoop.end();
    this.#stallDetector?.end();
    this.#shovel.close();
    for (const { shovel } of this.#handedOver) shovel.close();
    this.#strays.close();
  }

  get isOpen(): boolean {
    return this.#shovel.isOpen;
  }

  /** Due messages are delivered to this process first, until the returned function is called. Undefined while the queue accepts nothing. */
  async prefer(): Promise<(() => Promise<void>) | undefined> {
    const { due } = this.services.topology.names;
    // To consume from a queue that accepts nothing would block the channel.
    return (await isTaken(this.services, due)) ? this.#shovel.prefer(due, PRIORITY.waiting) : undefined;
  }

  /** Puts a probe into a delay queue. False when it does not arrive in time; call it while preferred. Undefined when the result is unknown. */
  async comesFrom(queue: string, levelMs: number): Promise<boolean | undefined> {
    const { clock } = this.services.context;
    let cancel = (): void => undefined;
    const coming = new Promise<boolean | undefined>((resolve) => {
      this.#expectedProbes.set(queue, resolve);
      cancel = clock.schedule(levelMs * (1 + TOLERANCE) + GRACE_MS, () => {
        cancel = clock.schedule(CATCH_UP_MS, () => resolve(false));
      });
    });
    try {
      return (await isTaken(this.services, queue)) ? await coming : undefined;
    } finally {
      cancel();
      this.#expectedProbes.delete(queue);
    }
  }

  /**
   * Resolves with true once the message is confirmed at its next queue, or is a dead letter because the broker refuses it there.
   *
   * @param taken from a delay queue, before its wait was over. Without, it was in the due queue.
   */
  async sendOn(raw: Message, taken?: Taken): Promise<boolean> {
    const removal = taken === undefined ? removalOf(raw) : { queue: taken.queue, reason: 'expired' };
    const { newerFormat } = decode(raw);
    if (newerFormat !== undefined) return this.#leave(raw, newerFormat, taken);
    const outcome = await this.#send(raw, removal, taken?.restMs ?? 0);
    if (outcome?.kind !== 'refused') return outcome?.kind === 'accepted';
    this.report(outcome.error);
    const to = this.#destinationOf(raw, removal);
    return to !== undefined && (await this.#strays.keepRefused(raw, to, outcome.error));
  }

  /** One that is due goes to processes of the newer version. One in a delay queue stays there until the broker has it due. */
  async #leave(raw: Message, format: number, taken: Taken | undefined): Promise<boolean> {
    const { newer, topology, formats } = this.services;
    formats.found('delayed messages', format);
    if (taken !== undefined) return false;
    await newer.setAside(raw, topology.names.newerDue(format), { isPublic: false });
    return true;
  }

  async #open(lost: () => void): Promise<void> {
    await this.services.topology.due();
    let isOpen = false;
    await this.#shovel.open(() => {
      this.#endProbes();
      this.#stallDetector?.end();
      if (!this.#isClosed && isOpen) this.#interruption.lost();
      lost();
    });
    for (const { queue, shovel } of this.#handedOver) {
      await this.services.topology.newerQueue(queue);
      // Its channel ends with the connection, and so does the one above.
      await shovel.open(() => this.#shovel.abandon());
    }
    isOpen = true;
    this.#interruption.over();
    if (this.#isClosed) return;
    this.#stallDetector = new StallDetector(this.services, this.#shovel, { probes: true });
    this.#stallDetector.start();
  }

  #endProbes(): void {
    for (const resolve of this.#expectedProbes.values()) resolve(undefined);
  }

  #seen(message: Message): void {
    const expired = removalOf(message)?.queue;
    if (expired === undefined || !this.#isDelayQueue(expired)) {
      const takenOut = probedIn(message); // by the sweeper of a process, so it proves nothing
      if (takenOut !== undefined) this.#expectedProbes.get(takenOut)?.(undefined);
      return;
    }
    this.services.waitQueues.learns(expired);
    this.#expectedProbes.get(expired)?.(true);
  }

  async #send(
    raw: Message,
    removal: Removal | undefined,
    restMs: number,
  ): Promise<PublishOutcome | undefined> {
    const { publisher, context, options, topology } = this.services;
    const { due } = topology.names;
    const deadline = context.clock.monotonic() + options.operationTimeoutMs;
    const isOurs = removal === undefined || this.#isDelayQueue(removal.queue);
    const probed = isOurs ? probedIn(raw) : undefined;
    if (probed !== undefined) {
      const parcel = { messages: [PROBE], transit: { probe: probed }, deadline };
      return (await publisher.toQueue(due, parcel))[0];
    }
    const decoded = decode(raw);
    const { message, attempt, delay, removed } = decoded;
    if (!isOurs || !removal || !delay) return this.#strays.route(raw, removal, deadline);
    if (await parkMalformed(context, decoded, removal.queue, destinationOf(delay))) return ACCEPTED;
    const { dueAt, ...postponed } = delay;
    // Earlier versions said only when it is due. No difference of clocks makes a message wait longer than its whole delay.
    const leftMs = delay.leftMs ?? Math.min(dueAt - context.clock.now(), delay.delayMs);
    const transit = { attempt, ...(removed === undefined ? {} : { removed }) };
    const parcel = { messages: [message], transit, deadline };
    return (
      await publisher.postpone(destinationOf(delay), { ...postponed, leftMs: leftMs + restMs }, parcel)
    )[0];
  }

  #isDelayQueue(queue: string): boolean {
    return this.services.topology.names.levelMsOf(queue) !== undefined;
  }

  #destinationOf(raw: Message, removal: Removal | undefined): Destination | undefined {
    const { delay } = decode(raw);
    if (delay && removal && this.#isDelayQueue(removal.queue)) return destinationOf(delay);
    return removal && this.services.topology.names.placeOf(removal.queue)?.to;
  }
}

function destinationOf({ topic, group }: Delay): Destination {
  return group === undefined ? { topic } : { topic, group };
}
