import { MessagingError } from '../../../core/messaging/messaging.errors.js';
import type { PublishOutcome } from '../../../core/messaging/transport.js';
import type { Message } from './amqplib-client.js';
import type { ConsumerServices } from './consumer-services.js';
import { givenUpBy, open } from './envelope.js';
import { KeepOpen } from '../../../core/messaging/transport-kit/keep-open.js';
import { Mover } from './mover.js';

const PREFETCH = 500;

/**
 * Sends on what has waited long enough: to its destination, or to where it waits for the rest of its delay. Every process
 * that consumes runs one.
 */
export class DueRouter {
  readonly #mover: Mover;
  readonly #keepOpen: KeepOpen;
  #starting: Promise<void> | undefined;

  constructor(
    private readonly services: ConsumerServices,
    private readonly report: (error: unknown) => void,
  ) {
    const { connection, topology, context } = services;
    this.#mover = new Mover(connection, topology.names.due, {
      prefetch: PREFETCH,
      move: (message) => this.sendOn(message),
      lost: () => this.#keepOpen.lost(),
    });
    this.#keepOpen = new KeepOpen(
      async () => {
        await topology.due();
        await this.#mover.open();
      },
      context.clock,
      report,
    );
  }

  /** Rejects when it cannot work now, and may be called again then. */
  start(): Promise<void> {
    this.#starting ??= this.#keepOpen.start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  close(): void {
    this.#keepOpen.end();
    this.#mover.close();
  }

  /** Resolves with true once it is safe where it goes next. */
  async sendOn(raw: Message): Promise<boolean> {
    const [outcome] = await this.#send(
      raw,
      this.services.context.clock.monotonic() + this.services.options.operationTimeoutMs,
    );
    if (outcome?.kind === 'refused') this.report(outcome.error);
    return outcome?.kind === 'accepted';
  }

  async #send(raw: Message, deadline: number): Promise<readonly PublishOutcome[]> {
    const { message, attempt, delay } = open(raw);
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
    // With its attempts used up: the core makes a dead letter of it without running the handler.
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
