import { randomUUID } from 'node:crypto';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { DeadlineSweep, LATE } from '../../../../core/messaging/transport-kit/deadline-sweep.js';
import type {
  Clock,
  PublishOptions,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { UnconfirmedPublishes } from './unconfirmed-publishes.js';
import { HeadersWriter } from '../wire/headers-json.js';
import type { PublishTarget } from './publish-targets.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { failureOf, scriptError } from '../client/redis-errors.js';
import type { RedisOptions } from '../redis.options.js';
import { PUBLISH, PUBLISH_LATER } from '../scripts/index.js';
import { type Argument, bytesOf, type ScriptCall } from '../scripts/script-call.js';

const ACCEPTED: PublishOutcome = { kind: 'accepted' };
/** A hundred a script are twice as fast as single commands; more gain nothing and block the server longer. */
const MAX_MESSAGES = 128;
const MAX_BYTES = 512 * 1024;
const REPEAT_BACKOFF = { minMs: 50, maxMs: 500 } as const;

/** Messages that go to the server in one step. */
interface Batch {
  readonly target: string;
  /** Stream that the messages go to in the end. */
  readonly log: string;
  readonly batches: string;
  readonly number: number;
  readonly messages: readonly WireMessage[];
  readonly arguments: readonly Argument[];
  readonly delayMs: number;
  /** On the monotonic clock. */
  readonly deadline: number;
}

/** Publishes messages in batches; a repetition after a lost reply does not double them. */
export class RedisPublisher {
  readonly #id = randomUUID();
  readonly #unconfirmed = new UnconfirmedPublishes();
  readonly #headers = new HeadersWriter();
  readonly #deadlines: DeadlineSweep;
  #number = 0;
  #isClosed = false;

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: RedisOptions,
    private readonly clock: Clock,
  ) {
    this.#deadlines = new DeadlineSweep(clock);
  }

  /** One outcome a message, in order. Each message must be within `maxMessageBytes`. */
  publish(
    target: PublishTarget,
    messages: readonly WireMessage[],
    { delayMs = 0, deadlineMs }: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const how = { target, delayMs, deadline: this.clock.monotonic() + deadlineMs };
    if (endOfBatch(messages, 0) === messages.length) return this.#send(this.#batch(how, messages));
    const sent: Promise<readonly PublishOutcome[]>[] = [];
    for (let start = 0; start < messages.length;) {
      const end = endOfBatch(messages, start);
      sent.push(this.#send(this.#batch(how, messages.slice(start, end))));
      start = end;
    }
    return Promise.all(sent).then((outcomes) => outcomes.flat());
  }

  /** Ends the repetitions: batches in flight get their outcome now. */
  close(): void {
    this.#isClosed = true;
  }

  #batch(
    { target: keys, delayMs, deadline }: { target: PublishTarget; delayMs: number; deadline: number },
    messages: readonly WireMessage[],
  ): Batch {
    const number = ++this.#number;
    const target = delayMs > 0 ? keys.delayed : keys.log;
    const unconfirmed = this.#unconfirmed.among(target, messages);
    const creates = this.options.topology === 'declare' ? 1 : 0;
    const args: Argument[] = [number, creates, unconfirmed.length];
    for (const { index, batch } of unconfirmed) args.push(index, batch);
    if (delayMs > 0) args.push(Math.ceil(delayMs));
    let last: string | undefined;
    for (const { id, headers, body, key } of messages) {
      const text = this.#headers.write(headers);
      args.push(id, text === last ? '' : text, bytesOf(body), key === undefined ? '' : `=${key}`);
      last = text;
    }
    const batches = `${keys.batches}${this.#id}`;
    return { target, log: keys.log, batches, number, messages, arguments: args, delayMs, deadline };
  }

  /** Sends a batch, and again while its replies get lost and there is time. */
  async #send(batch: Batch): Promise<readonly PublishOutcome[]> {
    let isUnconfirmed = false;
    for (let repeat = 0; ; repeat += 1) {
      const outcomes = await this.#try(batch);
      const kind = outcomes[0]?.kind;
      if (kind === 'accepted' || (kind !== 'unknown' && !isUnconfirmed)) {
        this.#unconfirmed.settled(batch.target, batch.messages);
        return outcomes;
      }
      isUnconfirmed = true;
      const pauseMs = backoffMs(repeat, REPEAT_BACKOFF);
      if (this.#isClosed || this.clock.monotonic() + pauseMs >= batch.deadline) {
        this.#unconfirmed.add(batch.target, batch.messages, batch.number);
        return outcomes.map((outcome) =>
          outcome.kind === 'unavailable' ? { ...outcome, kind: 'unknown' } : outcome,
        );
      }
      await pause(pauseMs);
    }
  }

  async #try(batch: Batch): Promise<readonly PublishOutcome[]> {
    const { label } = this.connection;
    const leftMs = batch.deadline - this.clock.monotonic();
    const { isUp, whyDown } = this.connection;
    if (!isUp) return all(batch, failureOf(undefined, label, { wasSent: false, whyDown }));
    try {
      const reply = await this.#deadlines.within(this.#run(batch, leftMs), batch.deadline);
      if (reply === 1) return batch.messages.map(() => ACCEPTED);
      if (reply === TOO_FEW_REPLICAS) return all(batch, this.#tooFewReplicas());
      return this.#partly(batch, reply as readonly (number | string)[]);
    } catch (error) {
      if (error === LATE)
        return all(batch, {
          kind: 'unknown',
          error: new MessagingError('DEADLINE_EXCEEDED', `${label} did not answer within the deadline.`),
        });
      this.connection.refresh();
      return all(batch, failureOf(error, label, { whyDown: this.connection.whyDown }));
    }
  }

  #run(batch: Batch, leftMs: number): Promise<unknown> {
    const isLater = batch.delayMs > 0;
    const script = isLater ? PUBLISH_LATER : PUBLISH;
    const keys = [batch.target, batch.batches, ...(isLater ? [batch.log] : [])];
    const { replicas } = this.options;
    if (replicas === 0) return this.connection.run(script, keys, batch.arguments);
    return this.#runAndWait({ script, keys, args: batch.arguments }, leftMs);
  }

  async #runAndWait(call: ScriptCall, leftMs: number): Promise<unknown> {
    const { replicas, replicasTimeoutMs } = this.options;
    const timeoutMs = Math.max(1, Math.floor(Math.min(leftMs, replicasTimeoutMs)));
    const [reply, confirmed] = await this.connection.runAndWait(call, { count: replicas, timeoutMs });
    return reply === 1 && confirmed < replicas ? TOO_FEW_REPLICAS : reply;
  }

  #tooFewReplicas(): { readonly kind: 'unknown'; readonly error: Error } {
    const { replicas, replicasTimeoutMs } = this.options;
    return {
      kind: 'unknown',
      error: new MessagingError(
        'TRANSPORT_UNAVAILABLE',
        `${this.connection.label} has the message, but fewer than ${replicas} replicas confirmed it within ${replicasTimeoutMs} ms. Bring replicas back, or lower the option replicas.`,
      ),
    };
  }

  /** The reply lists index and error of each message that was not taken. */
  #partly({ messages }: Batch, reply: readonly (number | string)[]): PublishOutcome[] {
    const outcomes: PublishOutcome[] = messages.map(() => ACCEPTED);
    for (let at = 0; at < reply.length; at += 2) {
      const error = scriptError(String(reply[at + 1]));
      this.connection.react(error);
      outcomes[Number(reply[at]) - 1] = failureOf(error, this.connection.label);
    }
    return outcomes;
  }
}

const TOO_FEW_REPLICAS = Symbol('too few replicas');

function all(batch: Batch, outcome: PublishOutcome): PublishOutcome[] {
  return batch.messages.map(() => outcome);
}

/** Index of the first message that does not fit into a batch that begins at `start`. */
function endOfBatch(messages: readonly WireMessage[], start: number): number {
  let bytes = 0;
  const most = Math.min(messages.length, start + MAX_MESSAGES);
  for (let end = start; end < most; end += 1) {
    bytes += messages[end]?.body.length ?? 0;
    if (bytes > MAX_BYTES && end > start) return end;
  }
  return most;
}
