import { atEndOfTurn, nextTick } from '../../../../core/messaging/ports/clock.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Clock, PublishOutcome, WireMessage } from '../../../../core/messaging/ports/transport.js';
import { DeadlineSweep } from '../../../../core/messaging/transport-kit/deadline-sweep.js';
import { noSuchInbox } from '../../../../core/messaging/transport-kit/local-inboxes.js';
import { failureOf, scriptError } from '../client/redis-errors.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { REPLY } from '../scripts/index.js';
import { type Argument, bytesOf } from '../scripts/script-call.js';

const ACCEPTED: PublishOutcome = { kind: 'accepted' };
/** A batch leaves at once when it reaches either of these. */
const MAX_REPLIES = 128;
const MAX_BYTES = 512 * 1024;

/** Replies to one inbox that go to the server in one step. */
class Batch {
  readonly arguments: Argument[] = [];
  readonly settles: ((outcome: PublishOutcome) => void)[] = [];
  bytes = 0;

  constructor(readonly inbox: string) {}
}

/** Sends replies, those of one turn of the event loop together, so that their asker reads them together. */
export class RedisReplies {
  readonly #open = new Map<string, Batch>();
  readonly #deadlines: DeadlineSweep;

  /** @param name of the transport. */
  constructor(
    private readonly connection: RedisConnection,
    private readonly name: string,
    private readonly clock: Clock,
  ) {
    this.#deadlines = new DeadlineSweep(clock);
  }

  /** To the inbox with this key. Never rejects. */
  send(inbox: string, reply: WireMessage, deadlineMs: number): Promise<PublishOutcome> {
    const sent = new Promise<PublishOutcome>((resolve) => this.#add(inbox, reply, resolve));
    const deadline = this.clock.monotonic() + deadlineMs;
    return this.#deadlines.settled(sent, deadline, () => ({ kind: 'unknown', error: this.#late() }));
  }

  #add(inbox: string, { id, headers, body }: WireMessage, settle: (outcome: PublishOutcome) => void): void {
    const batch = this.#open.get(inbox) ?? this.#begin(inbox);
    batch.arguments.push(id, JSON.stringify(headers), bytesOf(body));
    batch.settles.push(settle);
    batch.bytes += body.length;
    if (batch.settles.length >= MAX_REPLIES || batch.bytes >= MAX_BYTES) this.#leave(batch);
  }

  #begin(inbox: string): Batch {
    const batch = new Batch(inbox);
    this.#open.set(inbox, batch);
    // After the microtasks that are queued by now, so that handlers that end in one turn share a batch.
    atEndOfTurn(() => nextTick(() => this.#leave(batch)));
    return batch;
  }

  #leave(batch: Batch): void {
    if (this.#open.get(batch.inbox) !== batch) return; // it was full before its turn ended
    this.#open.delete(batch.inbox);
    this.connection.run(REPLY, [batch.inbox], batch.arguments).then(
      (found) => this.#settle(batch, found),
      (error: unknown) => {
        const { label, whyDown } = this.connection;
        const outcome = failureOf(error, label, { whyDown });
        for (const settle of batch.settles) settle(outcome);
      },
    );
  }

  #settle({ settles }: Batch, found: unknown): void {
    const failures = new Map<number, PublishOutcome>();
    if (Array.isArray(found))
      for (let at = 0; at < found.length; at += 2) {
        const error = scriptError(String(found[at + 1]));
        this.connection.react(error);
        failures.set(Number(found[at]) - 1, failureOf(error, this.connection.label));
      }
    const outcome: PublishOutcome =
      found === 0 ? { kind: 'refused', error: noSuchInbox(this.name) } : ACCEPTED;
    settles.forEach((settle, index) => settle(failures.get(index) ?? outcome));
  }

  #late(): MessagingError {
    const text = `${this.connection.label} did not answer within the deadline.`;
    return new MessagingError('DEADLINE_EXCEEDED', text);
  }
}
