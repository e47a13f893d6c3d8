import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination, KeptMessages } from '../../../../core/messaging/ports/transport.js';
import { endChannel, withReplyTimeout } from '../connection/channel-calls.js';
import { decode } from '../wire/message-codec.js';
import { JitteredInterval } from './jittered-interval.js';
import { parkMalformed } from './malformed.js';
import type { TransportServices } from './transport-services.js';

const CHECK_MS = 20_000;
/** Messages that are held for less than two checks are on their way. */
const REPORTED_AFTER_CHECKS = 2;

/**
 * Messages that wait outside of the queues of groups: foreign ones in the unroutable queue, and those that are held because no group was
 * bound. Reports them while there are any, and sends them on when an operator asks for it.
 */
export class KeptMessagesWatch {
  readonly #interval: JitteredInterval;
  readonly #checks = new Map<string, number>();

  constructor(private readonly services: TransportServices) {
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#check());
  }

  start(): void {
    this.#interval.start();
  }

  close(): void {
    this.#interval.end();
  }

  /** Every known place that holds messages. */
  async list(): Promise<readonly KeptMessages[]> {
    const { topology, queueDepths } = this.services;
    const { unroutable } = topology.names;
    const queues = queueDepths.mayExist([unroutable, ...this.services.heldPlaces.keys()]);
    const states = await queueDepths.of(queues);
    return queues.flatMap((place, index) => {
      const messages = states[index]?.messages ?? 0;
      return messages === 0 ? [] : [{ place, messages, ...this.services.heldPlaces.get(place) }];
    });
  }

  /**
   * Sends what is kept in a place to a group, or held messages to where they were published to.
   *
   * @returns how many.
   * @throws MessagingError `NOT_FOUND` (no such place), `CONFLICT` (no group would get them) or the error of a publish.
   */
  async release(
    place: string,
    to: Destination | undefined = this.services.heldPlaces.get(place),
  ): Promise<number> {
    const { topology, connection } = this.services;
    if (place !== topology.names.unroutable && !this.services.heldPlaces.has(place))
      throw new MessagingError('NOT_FOUND', `${connection.label} keeps no messages in "${place}".`);
    if (!to)
      throw new MessagingError(
        'OPTION_INVALID',
        `Name the topic and group that the messages of "${place}" go to.`,
      );
    await topology.endHolding(to);
    await this.#assertBound(to);
    const channel = await connection.openChannel();
    let count = 0;
    try {
      for (;;) {
        const message = await withReplyTimeout(channel.get(place));
        if (message === false) return count;
        await this.#send(message, place, to);
        channel.ack(message);
        count += 1;
      }
    } finally {
      endChannel(channel);
    }
  }

  /** Otherwise the messages would be held again, at the end of the same queue. */
  async #assertBound({ topic, group }: Destination): Promise<void> {
    const { topology, connection, options } = this.services;
    const isBound =
      group === undefined
        ? options.topology === 'verify' || (await topology.knownGroups(topic)).size > 0
        : await topology.exists('queue', topology.names.queue({ topic, group }));
    if (isBound) return;
    const name = group === undefined ? `"${topic}"` : `"${group}" of "${topic}"`;
    throw new MessagingError(
      'CONFLICT',
      `${connection.label} has no queue of group ${name}. Let it consume first.`,
    );
  }

  async #send(
    raw: Parameters<typeof decode>[0] & { fields: { exchange: string } },
    place: string,
    to: Destination,
  ): Promise<void> {
    const { publisher, options, context } = this.services;
    const decoded = decode(raw, { isPublic: raw.fields.exchange !== '' });
    if (decoded.newerFormat !== undefined)
      throw new MessagingError(
        'CONFLICT',
        `"${place}" has a message of format ${decoded.newerFormat}, of a newer version of Switchyard. Release it with a process of that version.`,
      );
    if (await parkMalformed(context, decoded, place, to)) return;
    const { message, attempt, removed } = decoded;
    const transit = { attempt, ...(removed === undefined ? {} : { removed }) };
    const deadline = context.clock.monotonic() + options.operationTimeoutMs;
    const [outcome] = await publisher.deliver(to, { messages: [message], transit, deadline });
    if (outcome?.kind === 'accepted') return;
    const error = outcome?.error ?? new Error('no outcome');
    if (errorCodeOf(error) !== 'MESSAGE_TOO_LARGE' || !context.keepRefused) throw error;
    // A dead letter, because it would block the messages behind it.
    await context.keepRefused({ to, message, error, transport: context.name, attempts: attempt - 1 });
  }

  async #check(): Promise<void> {
    const { problems, topology, connection } = this.services;
    const kept = new Map((await this.list()).map((one) => [one.place, one]));
    if (!kept.has(topology.names.unroutable)) problems.solve('unroutable_messages');
    for (const [place, to] of this.services.heldPlaces) {
      const checks = kept.has(place) ? (this.#checks.get(place) ?? 0) + 1 : 0;
      this.#checks.set(place, checks);
      if (checks === 0) problems.solve('held_messages', to);
      else if (checks >= REPORTED_AFTER_CHECKS)
        problems.add({
          code: 'held_messages',
          ...to,
          detail:
            `${connection.label} holds messages in "${place}", because no group was bound. They are delivered once the group consumes; ` +
            'the action "release" of POST /api/v1/transports/<name>/actions sends them now.',
        });
    }
  }
}
