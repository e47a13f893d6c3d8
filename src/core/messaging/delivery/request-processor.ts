import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DeliveryInProgress, type HandOver } from './delivery-in-progress.js';
import { DeliveryReports } from './delivery-reports.js';
import {
  readPayload,
  refuseHeaders,
  refuseIds,
  refuseUnacceptable,
  refuseUsedUp,
} from './delivery-checks.js';
import { AbandonedError } from './outcome.js';
import { judgeRequest } from './request-failure.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { isUnfinished, runToEnd } from '../handlers/run-to-end.js';
import { handlingContext } from '../message/handling-context.js';
import { jsonCodec } from '../message/codec.js';
import { HEADER } from '../message/headers.js';
import { MessageContext } from '../message/message-context.js';
import type { MessageLimits } from '../message/message-limits.js';
import { ReplyWriter } from '../message/reply.js';
import { describeIssues } from '../message/schema-issues.js';
import { runClean } from '../observing/clean-context.js';
import type { MessagingEvent } from '../observing/events.js';
import { HandlerTimeoutError, MessagingError, errorCodeOf } from '../ports/errors.js';
import { OWN_HEADERS, ownNumber, ownText } from '../ports/headers.js';
import { RequestError } from '../ports/request-error.js';
import type { Clock, Delivery, PublishOutcome, Settlement, WireMessage } from '../ports/transport.js';
import { backoffMs, pause } from '../transport-kit/backoff.js';

/** Sends replies through the transport that their requests came from. */
export interface ReplySender {
  /** Never rejects. @param transport name of that transport. */
  reply(
    transport: string,
    address: string,
    reply: WireMessage,
    options: { readonly deadlineMs: number },
  ): Promise<PublishOutcome>;
}

export interface RequestProcessorOptions {
  readonly service: string;
  readonly replies: ReplySender;
  readonly limits: MessageLimits;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
}

/** A handler of requests. */
type RequestEntry = HandlerEntry & { readonly output: StandardSchemaV1 };

export function answers(entry: HandlerEntry): entry is RequestEntry {
  return entry.output !== undefined;
}

/** Where the reply goes, and until when it is waited for. */
interface Asked {
  readonly address: string;
  /** On the monotonic clock. */
  readonly until: number;
}

/** How a run ended. */
type Ending =
  { readonly kind: 'done'; readonly body: Uint8Array } | { readonly kind: 'failed'; readonly error: unknown };

const ACK: Settlement = { kind: 'ack' };
/** Another process may take it at once. */
const HAND_BACK: Settlement = { kind: 'retry', delayMs: 0, countsAttempt: false };
const REPLY_BACKOFF = { minMs: 50, maxMs: 1_000 } as const;
const EMPTY = new Uint8Array();
const json = jsonCodec();

/** The reason with which a handler's signal aborts when its asker has stopped waiting. */
class AskerGoneError extends MessagingError {
  constructor() {
    super('EXPIRED', 'The deadline of the request has passed, and its asker no longer waits for the reply.');
  }
}

/**
 * Handles requests: one run each, and its result or failure is the reply.
 *
 * A request whose asker has stopped waiting is dropped, before its handler or after it, and never becomes a dead letter. It is
 * delivered again only when its process died or stopped, and then dropped all the same once its deadline has passed.
 */
export class RequestProcessor {
  readonly #reports: DeliveryReports;
  readonly #writer: ReplyWriter;
  readonly #abandonings = new Set<() => void>();
  #abandoned: AbandonedError | undefined;

  constructor(private readonly options: RequestProcessorOptions) {
    this.#reports = new DeliveryReports(options.clock, options.emit);
    this.#writer = new ReplyWriter(options.service, options.clock);
  }

  /** Always resolves to a settlement, never rejects. @param handOver what counts the deliveries in flight. */
  process(entry: RequestEntry, delivery: Delivery, handOver: HandOver): Promise<Settlement> {
    return new Promise((resolve) => {
      const handling = new DeliveryInProgress(entry, delivery, handOver, resolve);
      this.#reports.delivered(handling);
      const settle = (settlement: Settlement): void => handling.settle(settlement);
      runClean(() => void this.#answer(handling, entry).then(settle, () => settle(HAND_BACK)));
    });
  }

  /** Stops waiting for running handlers; their requests go to another process. Returns how many. */
  abandon(): number {
    this.#abandoned ??= new AbandonedError();
    const count = this.#abandonings.size;
    for (const abandon of this.#abandonings) abandon();
    return count;
  }

  async #answer(handling: DeliveryInProgress, entry: RequestEntry): Promise<Settlement> {
    const asked = this.#askedIn(handling.delivery);
    if (!asked) return this.#drop(handling, 'unaddressed');
    if (asked.until <= this.options.clock.monotonic()) return this.#drop(handling, 'expired');
    const running = this.#run(handling, entry, asked);
    const ending = running instanceof Promise ? await running : running;
    const { message } = handling.delivery;
    if (ending.kind === 'done') {
      const type = entry.type?.codec.contentType ?? json.contentType;
      const reply = this.#writer.succeeded(message, entry.topic, { body: ending.body, type });
      if (await this.#send(handling, asked, reply)) this.#reports.handled(handling);
      return ACK;
    }
    if (ending.error instanceof AskerGoneError) return this.#drop(handling, 'expired');
    const judged = judgeRequest(ending.error, entry);
    if (!judged) {
      this.#reports.postponed(handling, { reason: 'abandoned', delayMs: 0 });
      return HAND_BACK;
    }
    this.#reports.failed(handling, judged.outcome);
    await this.#send(handling, asked, this.#writer.failed(message, entry.topic, judged.failure));
    return ACK;
  }

  #drop(
    handling: DeliveryInProgress,
    reason: Extract<MessagingEvent, { type: 'request-dropped' }>['reason'],
  ): Settlement {
    this.#reports.dropped(handling, reason);
    return ACK;
  }

  /** Undefined for what is no request: a message that was published to the topic of one. */
  #askedIn({ message: { headers } }: Delivery): Asked | undefined {
    const address = ownText(headers, OWN_HEADERS.replyTo);
    const deadline = ownNumber(headers, OWN_HEADERS.deadline);
    if (address === undefined || deadline === undefined) return undefined;
    const { clock } = this.options;
    const leftMs = deadline - clock.now();
    // The asker's whole wait is the most that can be left, however far this machine's clock is behind.
    const wholeMs = deadline - Date.parse(headers[HEADER.time] ?? '');
    return { address, until: clock.monotonic() + (wholeMs >= 0 ? Math.min(leftMs, wholeMs) : leftMs) };
  }

  /** Runs the handler until it ends or its time is up. What it does afterwards is ignored. A promise unless it ends at once. */
  #run(handling: DeliveryInProgress, entry: RequestEntry, { until }: Asked): Ending | Promise<Ending> {
    if (this.#abandoned) return { kind: 'failed', error: this.#abandoned };
    const startedAt = this.options.clock.monotonic();
    try {
      const result = this.#result(handling, entry);
      if (!(result instanceof Promise)) return { kind: 'done', body: result };
      return this.#endOf(result, handling, { until, startedAt });
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #endOf(
    result: Promise<Uint8Array>,
    handling: DeliveryInProgress,
    { until, startedAt }: { readonly until: number; readonly startedAt: number },
  ): Promise<Ending> {
    const { clock } = this.options;
    const { entry } = handling;
    const now = clock.monotonic();
    const leftMs = until - now;
    const timeoutMs = entry.timeoutMs > 0 ? startedAt + entry.timeoutMs - now : Infinity;
    return new Promise((resolve) => {
      const end = (ending: Ending): void => {
        if (!this.#abandonings.delete(abandon)) return;
        cancel();
        resolve(ending);
      };
      const giveUp = (error: Error): void => {
        handling.context?.abort(error);
        end({ kind: 'failed', error });
      };
      const abandon = (): void => giveUp(this.#abandoned ?? new AbandonedError());
      const cancel =
        timeoutMs < leftMs
          ? clock.schedule(timeoutMs, () => giveUp(new HandlerTimeoutError(entry.handler, entry.timeoutMs)))
          : clock.schedule(leftMs, () => giveUp(new AskerGoneError()));
      this.#abandonings.add(abandon);
      result.then(
        (body) => end({ kind: 'done', body }),
        (error: unknown) => end({ kind: 'failed', error }),
      );
    });
  }

  /** What the handler returns, as the body of a reply. */
  #result(handling: DeliveryInProgress, entry: RequestEntry): Uint8Array | Promise<Uint8Array> {
    const { delivery, attempt } = handling;
    const { limits } = this.options;
    refuseUnacceptable(delivery);
    refuseHeaders(delivery, limits);
    refuseIds(delivery);
    refuseUsedUp(attempt, entry);
    const payload = readPayload(entry, delivery, limits);
    return payload instanceof Promise
      ? payload.then((read: unknown) => this.#invoke(handling, entry, read))
      : this.#invoke(handling, entry, payload);
  }

  #invoke(
    handling: DeliveryInProgress,
    entry: RequestEntry,
    payload: unknown,
  ): Uint8Array | Promise<Uint8Array> {
    const context = new MessageContext(handling.delivery, entry, handling.attempt);
    handling.context = context;
    handling.startedAt = this.options.clock.monotonic();
    const returned = handlingContext.run(context, () => {
      const result = entry.invoke(payload, context);
      return isUnfinished(result) ? runToEnd(result, context) : result;
    });
    return returned instanceof Promise
      ? returned.then((value: unknown) => this.#checked(entry, value))
      : this.#checked(entry, returned);
  }

  #checked(entry: RequestEntry, returned: unknown): Uint8Array | Promise<Uint8Array> {
    const result = entry.output['~standard'].validate(returned);
    return result instanceof Promise
      ? result.then((later) => this.#encoded(entry, returned, later))
      : this.#encoded(entry, returned, result);
  }

  #encoded(entry: RequestEntry, returned: unknown, result: StandardSchemaV1.Result<unknown>): Uint8Array {
    const { limits } = this.options;
    if (result.issues)
      throw new RequestError(
        'REPLY_INVALID',
        `${entry.handler} returned what is no reply of "${entry.topic}": ${describeIssues(result.issues)}`,
      );
    if (returned === undefined) return EMPTY;
    const body = (entry.type?.codec ?? json).encode(returned);
    if (body.length <= limits.maxBodyBytes) return body;
    throw tooLarge(entry, `${body.length} bytes, more than the ${limits.maxBodyBytes} allowed`);
  }

  /** Sends the reply, again while there is time and the transport may take it. False when the asker will not have it. */
  async #send(handling: DeliveryInProgress, asked: Asked, reply: WireMessage): Promise<boolean> {
    const { clock, replies } = this.options;
    const { delivery, entry } = handling;
    let current = reply;
    for (let failures = 0; ; failures += 1) {
      const deadlineMs = asked.until - clock.monotonic();
      if (deadlineMs <= 0) break;
      const outcome = await replies.reply(delivery.transport, asked.address, current, { deadlineMs });
      if (outcome.kind === 'accepted') return current === reply;
      const isTooLarge = outcome.kind === 'refused' && errorCodeOf(outcome.error) === 'MESSAGE_TOO_LARGE';
      if (isTooLarge && current === reply) {
        const { code, message, retryable } = tooLarge(entry, 'more bytes than the transport takes');
        current = this.#writer.failed(delivery.message, entry.topic, { code, message, retryable });
      } else if (outcome.kind === 'refused') break;
      else await pause(backoffMs(failures, REPLY_BACKOFF), clock);
    }
    this.#reports.dropped(handling, 'unreachable');
    return false;
  }
}

function tooLarge({ handler, topic }: HandlerEntry, found: string): RequestError {
  return new RequestError(
    'MESSAGE_TOO_LARGE',
    `The reply of ${handler} to "${topic}" has ${found}. Store it elsewhere and return a reference.`,
  );
}
