import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { Message } from '../client/amqplib-client.js';
import type { TransportServices } from '../watch/transport-services.js';
import { TOLERANCE } from '../topology/delay-levels.js';
import { isTaken, PRIORITY } from '../watch/delivery-probe.js';
import { expiredIn, givenUpBy, decode, PROBE, probedIn } from '../wire/message-codec.js';
import { ReconnectLoop } from '../../../../core/messaging/transport-kit/reconnect-loop.js';
import { Shovel } from '../watch/shovel.js';
import { StallDetector } from '../watch/stall-detector.js';

const PREFETCH = 500;
/** A probe that is later than this counts as stuck. */
const GRACE_MS = 20_000;
/** Time to process deliveries that arrived while this process was paused. */
const CATCH_UP_MS = 1_000;

/**
 * Routes expired messages of the delay queues: to their destination, or to the delay queue of the remaining time. Every process
 * that consumes runs one.
 */
export class DelayRouter {
  readonly #shovel: Shovel;
  readonly #reconnectLoop: ReconnectLoop;
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
    this.#reconnectLoop = new ReconnectLoop((lost) => this.#open(lost), context.clock, report);
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
    this.#reconnectLoop.end();
    this.#stallDetector?.end();
    this.#shovel.close();
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

  /** Resolves with true once the message is confirmed at its next queue. */
  async sendOn(raw: Message): Promise<boolean> {
    const [outcome] = await this.#send(
      raw,
      this.services.context.clock.monotonic() + this.services.options.operationTimeoutMs,
    );
    if (outcome?.kind === 'refused') this.report(outcome.error);
    return outcome?.kind === 'accepted';
  }

  async #open(lost: () => void): Promise<void> {
    await this.services.topology.due();
    await this.#shovel.open(() => {
      this.#endProbes();
      this.#stallDetector?.end();
      lost();
    });
    if (this.#isClosed) return;
    this.#stallDetector = new StallDetector(this.services, this.#shovel, { probes: true });
    this.#stallDetector.start();
  }

  #endProbes(): void {
    for (const resolve of this.#expectedProbes.values()) resolve(undefined);
  }

  #seen(message: Message): void {
    const expired = expiredIn(message);
    if (expired === undefined) {
      const takenOut = probedIn(message); // by the sweeper of a process, so it proves nothing
      if (takenOut !== undefined) this.#expectedProbes.get(takenOut)?.(undefined);
      return;
    }
    this.services.waitQueues.learns(expired);
    this.#expectedProbes.get(expired)?.(true);
  }

  async #send(raw: Message, deadline: number): Promise<readonly PublishOutcome[]> {
    const probed = probedIn(raw);
    if (probed !== undefined) {
      const { due } = this.services.topology.names;
      return this.services.publisher.toQueue(due, {
        messages: [PROBE],
        transit: { probe: probed },
        deadline,
      });
    }
    const { message, attempt, delay } = decode(raw);
    if (delay) {
      const now = this.services.context.clock.now();
      // Clocks differ between machines; no difference makes a message wait longer than it was to wait in all.
      const dueAt = Math.min(delay.dueAt, now + delay.delayMs);
      const { topic, group } = delay;
      const to = group === undefined ? { topic } : { topic, group };
      const parcel = { messages: [message], transit: { attempt }, deadline };
      return this.services.publisher.postpone(to, { ...delay, dueAt }, parcel);
    }
    const queue = givenUpBy(raw);
    // With its attempts used up, so that the core parks it as a dead letter without running the handler.
    if (queue !== undefined) {
      const transit = { attempt: attempt + this.services.options.deliveryLimit };
      return this.services.publisher.toQueue(queue, { messages: [message], transit, deadline });
    }
    const { unroutable, due } = this.services.topology.names;
    await this.services.topology.unroutableQueue();
    const text = `A message that is not ours was in the queue "${due}". It is kept in "${unroutable}".`;
    this.report(new MessagingError('HEADER_INVALID', text));
    return this.services.publisher.toQueue(unroutable, { messages: [message], deadline });
  }
}
