import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination, PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { Message } from '../client/amqplib-client.js';
import type { Parcel } from '../publish/rabbitmq-publisher.js';
import { ACCEPTED } from '../publish/outbound-message.js';
import type { TransportServices } from '../watch/transport-services.js';
import { decode, MALFORMED, type Removal } from '../wire/message-codec.js';

/** Pause before a message goes back into a queue that is over its length limit, where it removes another. */
const FULL_MS = 1_000;
/** A problem without a further message for this long counts as solved. */
const QUIET_MS = 300_000;

/**
 * Routes messages in the due queue that are not due: removed from another queue by a policy or at a limit, unreadable, or foreign.
 *
 * A message that the broker removed from a group's queue goes back there with the reason, and the consumer hands it over as
 * unacceptable, so that it becomes a dead letter of its group.
 */
export class StrayRouter {
  readonly #quiet = new Map<string, () => void>();

  constructor(private readonly services: TransportServices) {}

  close(): void {
    for (const cancel of this.#quiet.values()) cancel();
  }

  route(raw: Message, removal: Removal | undefined, deadline: number): Promise<PublishOutcome> {
    const place = removal && this.services.topology.names.placeOf(removal.queue);
    if (!removal || !place) return this.#foreign(raw, deadline);
    switch (place.role) {
      case 'group':
        return this.#toGroup(raw, removal, place.to, deadline);
      case 'wait':
        return this.#unreadable(raw, removal, place.to, deadline);
      case 'held':
        return this.#heldAgain(raw, removal, place.to, deadline);
      case 'groups':
      case 'unroutable':
        return this.#back(raw, removal, deadline);
      case 'due':
        return this.#foreign(raw, deadline);
    }
  }

  /** Keeps what the broker refuses as a dead letter, where the application has a store for them. */
  async keepRefused(raw: Message, to: Destination, error: Error): Promise<boolean> {
    const { name: transport, keepRefused } = this.services.context;
    if (!keepRefused) return false;
    const { message, attempt } = decode(raw);
    await keepRefused({ to, message, error, transport, attempts: attempt - 1 });
    return true;
  }

  async #toGroup(
    raw: Message,
    { queue, reason }: Removal,
    to: Destination | undefined,
    deadline: number,
  ): Promise<PublishOutcome> {
    const { publisher } = this.services;
    const { message, attempt, removed } = decode(raw);
    const parcel: Parcel = { messages: [message], transit: { attempt, removed: reason }, deadline };
    if (reason === 'expired' || reason === 'maxlen')
      this.#report(
        'messages_removed',
        to,
        `${this.#label} removes messages from the queue "${queue}" (${reason}). They become dead letters of the group. Check the policies that match the queue: rabbitmqctl list_policies`,
      );
    if (!to) return this.#toQueue(queue, parcel);
    if (removed === undefined) return only(await publisher.deliver(to, parcel));
    // At a queue that stays full, the two would otherwise send it back and forth.
    return publisher.hold(to, parcel);
  }

  /** Only for names that are shortened, so that the group is not known. */
  async #toQueue(queue: string, parcel: Parcel): Promise<PublishOutcome> {
    const { publisher, queueDepths } = this.services;
    if ((await queueDepths.of([queue]))[0]) return only(await publisher.toQueue(queue, parcel));
    return this.#toUnroutable(parcel);
  }

  async #unreadable(
    raw: Message,
    { queue }: Removal,
    to: Destination | undefined,
    deadline: number,
  ): Promise<PublishOutcome> {
    const text = `${this.#label} delivered a message from the delay queue "${queue}" without a readable destination and time.`;
    this.#report(
      'unreadable_message',
      to,
      `${text} It becomes a dead letter. Find the program that publishes to this queue.`,
    );
    const { message, attempt } = decode(raw);
    const parcel: Parcel = { messages: [message], transit: { attempt, removed: 'unreadable' }, deadline };
    if (to?.group !== undefined) return only(await this.services.publisher.deliver(to, parcel));
    if (to && (await this.keepRefused(raw, to, new MessagingError('HEADER_INVALID', text)))) return ACCEPTED;
    return this.#toUnroutable(parcel);
  }

  /** Back into its queue, unless it has been held for as long as the transport keeps messages that no group consumes. */
  async #heldAgain(
    raw: Message,
    removal: Removal,
    to: Destination | undefined,
    deadline: number,
  ): Promise<PublishOutcome> {
    const { context } = this.services;
    const { keptUntil } = decode(raw);
    if (keptUntil !== undefined && context.clock.now() < keptUntil) return this.#back(raw, removal, deadline);
    if (to) context.onEvent({ type: 'unread-removed', ...to, count: 1, reason: 'orphan_retention' });
    return ACCEPTED;
  }

  async #back(raw: Message, { queue, reason }: Removal, deadline: number): Promise<PublishOutcome> {
    if (reason === 'maxlen') await pause(FULL_MS, this.services.context.clock);
    const { message, attempt, removed, keptUntil } = decode(raw);
    const transit = {
      attempt,
      ...(removed === undefined ? {} : { removed }),
      ...(keptUntil === undefined ? {} : { keptUntil }),
    };
    return only(await this.services.publisher.toQueue(queue, { messages: [message], transit, deadline }));
  }

  async #foreign(raw: Message, deadline: number): Promise<PublishOutcome> {
    const { message, flaw } = decode(raw, { isPublic: true });
    const transit = flaw === undefined ? {} : { removed: MALFORMED };
    return this.#toUnroutable({ messages: [message], transit, deadline });
  }

  async #toUnroutable(parcel: Parcel): Promise<PublishOutcome> {
    const { topology, publisher } = this.services;
    const { unroutable, due } = topology.names;
    await topology.unroutableQueue();
    const detail =
      `Foreign messages were in the queue "${due}" of ${this.#label}. They are kept in "${unroutable}"; ` +
      'the action "release" of POST /api/v1/transports/<name>/actions sends them to a group.';
    this.services.problems.add({ code: 'unroutable_messages', detail });
    const outcome = only(await publisher.toQueue(unroutable, parcel));
    if (outcome.kind !== 'refused' || errorCodeOf(outcome.error) !== 'MESSAGE_TOO_LARGE') return outcome;
    // Headers that grow beyond a frame as text, such as bytes. Repeated, they would keep their place among those in flight for ever.
    const messages = parcel.messages.map(({ id, body }) => ({ id, body, headers: {} }));
    return only(
      await publisher.toQueue(unroutable, { ...parcel, messages, transit: { removed: MALFORMED } }),
    );
  }

  #report(code: string, { topic, group }: Partial<Destination> = {}, detail: string): void {
    const { problems, context } = this.services;
    const place = { ...(topic === undefined ? {} : { topic }), ...(group === undefined ? {} : { group }) };
    problems.add({ code, ...place, detail });
    const key = JSON.stringify([code, topic, group]);
    this.#quiet.get(key)?.();
    this.#quiet.set(
      key,
      context.clock.schedule(QUIET_MS, () => {
        this.#quiet.delete(key);
        problems.solve(code, place);
      }),
    );
  }

  get #label(): string {
    return this.services.connection.label;
  }
}

function only([outcome]: readonly PublishOutcome[]): PublishOutcome {
  return outcome as PublishOutcome; // a parcel of one message has one outcome
}
