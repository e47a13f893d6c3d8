import { brandInstances } from '../ports/brand.js';
import { Injectable } from '@nestjs/common';
import { handlingContext } from '../message/handling-context.js';
import type { AnyMessageType, InputOf, MessageType } from '../message/message-type.js';
import type { AnyRequestType, ReplyOf } from '../message/request-type.js';
import { errorCodeOf, InvalidMessageError, MessagingError, PublishError } from '../ports/errors.js';
import { type PublishPlan, PublishPlanner } from './publish-planner.js';
import {
  type CheckedPublishOptions,
  delayOf,
  type PublishMessageOptions,
  readPublishOptions,
} from './publish-options.js';
import type { RequestOptions } from './request-options.js';
import { Requests } from './requests.js';
import type {
  Durability,
  PublishAttempt,
  PublishOptions,
  PublishOutcome,
  Transport,
  WireMessage,
} from '../ports/transport.js';

/** Proof that a transport has taken responsibility for a message. */
export interface PublishReceipt {
  readonly messageId: string;
  /**
   * `spooled`: kept on disk here until a broker takes it. Open: a minor version may add statuses, so a `switch` needs a
   * `default` branch.
   */
  readonly status: 'accepted' | 'spooled';
  /** Name of the transport that has the message. */
  readonly transport: string;
  /** The durability that was achieved, not the one that was asked for. */
  readonly durability: Durability;
  /** Every try, in order. */
  readonly attempts: readonly PublishAttempt[];
  /** A try before ended `unknown`: its transport may have the message as well, under the same id. */
  readonly isPossibleDuplicate: boolean;
}

/** Some messages of a `publishMany` were not accepted. `results` has a receipt or an error for each, in order. */
export class PublishManyError extends MessagingError {
  static {
    brandInstances(this, 'PublishManyError');
  }

  constructor(readonly results: readonly (PublishReceipt | Error)[]) {
    const failed = results.filter((result) => result instanceof Error);
    const [first] = failed;
    super(
      first instanceof MessagingError ? first.code : 'PUBLISH_UNAVAILABLE',
      `${failed.length} of ${results.length} messages were not published; see results for each. The first: ${first?.message ?? ''}`,
      { cause: first },
    );
  }
}

/** `publishMany` keeps at most this many in flight, and never more than `maxInFlight`. */
const MANY_BATCH_SIZE = 1_000;
const NO_OPTIONS: CheckedPublishOptions = {};

/** Publishes messages. Inject it where the application has an event to publish. */
@Injectable()
export class MessagingService {
  constructor(
    private readonly planner: PublishPlanner,
    private readonly requests: Requests,
  ) {}

  /**
   * Validates, encodes and publishes a message.
   *
   * Resolves once a transport has taken responsibility for the message, with what that means in `receipt.durability`.
   * Called inside a handler, correlation, causation and trace of the handled message are taken over.
   *
   * @throws InvalidMessageError when the payload or an option is wrong; nothing was sent.
   * @throws PublishError when no transport accepted it; after the outcome `unknown` it may arrive all the same. Publishing
   *   again with the same `messageId` is recognised as the same message by consumers with an idempotency window.
   */
  publish<TType extends AnyMessageType>(
    type: TType,
    payload: InputOf<TType>,
    options?: PublishMessageOptions,
  ): Promise<PublishReceipt> {
    try {
      const checked = options ? readPublishOptions(options, this.planner.limits) : NO_OPTIONS;
      return this.#publish(type as unknown as MessageType, payload, checked);
    } catch (error) {
      return this.#reject(type, error);
    }
  }

  /**
   * Publishes several messages of one type, all validated before the first is sent.
   *
   * @returns a receipt for each, in order.
   * @throws PublishManyError when some were not accepted; the others are out.
   */
  async publishMany<TType extends AnyMessageType>(
    type: TType,
    payloads: readonly InputOf<TType>[],
    options: Omit<PublishMessageOptions, 'messageId'> = NO_OPTIONS,
  ): Promise<PublishReceipt[]> {
    const messageType = type as unknown as MessageType;
    const plan = this.planner.planFor(messageType);
    if (plan.isRequest) throw notPublished(messageType.name);
    const checked = options === NO_OPTIONS ? NO_OPTIONS : readPublishOptions(options, this.planner.limits);
    for (const payload of payloads)
      plan.writer.refuseInvalid(messageType, await messageType.schema['~standard'].validate(payload));
    const results: (PublishReceipt | Error)[] = [];
    const atATime = Math.min(MANY_BATCH_SIZE, this.planner.maxInFlight);
    for (let start = 0; start < payloads.length; start += atATime) {
      const chunk = payloads.slice(start, start + atATime);
      results.push(
        ...(await Promise.all(
          chunk.map((payload) => this.#publish(messageType, payload, checked).catch(toError)),
        )),
      );
    }
    const receipts = results.filter((result): result is PublishReceipt => !(result instanceof Error));
    if (receipts.length < results.length) throw new PublishManyError(results);
    return receipts;
  }

  /**
   * Sends a request and waits for its reply, which is validated: `await messaging.request(QuotePrice, { sku }, { timeoutMs: 2_000 })`.
   *
   * It is handled at least once when its process does not die, and never after its deadline; a failover can have it handled twice. It is
   * not tried again here, and it never becomes a dead letter.
   *
   * @throws InvalidMessageError when the payload or an option is wrong; nothing was sent.
   * @throws RequestError for everything else: `code` and `message` of the handler's failure, `DEADLINE_EXCEEDED` when no reply
   *   comes in time, `NO_HANDLER`, `OVERLOADED`, `PUBLISH_UNAVAILABLE` and so on, each with whether another try may succeed.
   */
  request<TType extends AnyRequestType>(
    type: TType,
    payload: InputOf<TType>,
    options: RequestOptions,
  ): Promise<ReplyOf<TType>> {
    try {
      return this.requests.request(type, payload, options);
    } catch (error) {
      return this.#reject(type, error);
    }
  }

  #publish(type: MessageType, payload: unknown, options: CheckedPublishOptions): Promise<PublishReceipt> {
    const rejected = (error: unknown): Promise<never> => this.#reject(type, error);
    try {
      const plan = this.planner.planFor(type);
      if (plan.isRequest) throw notPublished(type.name);
      const result = type.schema['~standard'].validate(payload);
      if (!(result instanceof Promise)) {
        plan.writer.refuseInvalid(type, result);
        return this.#write(plan, payload, options);
      }
      const checked = result.then((later) => plan.writer.refuseInvalid(type, later));
      return checked.then(() => this.#write(plan, payload, options), rejected);
    } catch (error) {
      return rejected(error);
    }
  }

  #write(plan: PublishPlan, payload: unknown, options: CheckedPublishOptions): Promise<PublishReceipt> {
    const rejected = (error: unknown): Promise<never> => this.#reject(plan.type, error);
    try {
      const message = plan.writer.write(plan, payload, options, handlingContext.getStore());
      const how = options === NO_OPTIONS ? plan.plain : this.#optionsFor(plan, options);
      const proving = plan.roundTrip.prove(message.body);
      if (!proving) return this.#send(plan, message, how);
      return proving.then(() => this.#send(plan, message, how), rejected);
    } catch (error) {
      return rejected(error);
    }
  }

  #send(plan: PublishPlan, message: WireMessage, how: PublishOptions): Promise<PublishReceipt> {
    return new Promise((resolve, reject) => {
      plan.batcher.add(plan.type.name, message, how, (outcome, attempts) => {
        const { recent } = this.planner;
        const { name } = plan.type;
        if (outcome.kind === 'accepted') {
          const receipt = receiptOf(plan.transport, message, outcome, attempts);
          recent.accepted(name, receipt);
          resolve(receipt);
        } else {
          const failure = failureOf(name, message, outcome, attempts);
          recent.failed(name, message.id, failure);
          reject(failure);
        }
      });
    });
  }

  #optionsFor({ plain }: PublishPlan, options: CheckedPublishOptions): PublishOptions {
    const delayMs = delayOf(options, this.planner.clock);
    const how = { ...plain, deadlineMs: options.deadlineMs ?? plain.deadlineMs };
    return delayMs > 0 ? { ...how, delayMs } : how;
  }

  #reject(type: AnyMessageType, error: unknown): Promise<never> {
    this.planner.emit({ type: 'publish-rejected', topic: type.name, errorCode: errorCodeOf(error) });
    return Promise.reject(toError(error));
  }
}

function notPublished(name: string): InvalidMessageError {
  const text = `"${name}" is a request and was not published: its reply would be lost. Send it with request().`;
  return new InvalidMessageError('OPTION_INVALID', text);
}

function receiptOf(
  transport: Transport,
  message: WireMessage,
  { trail }: PublishOutcome,
  attempts: readonly PublishAttempt[],
): PublishReceipt {
  return {
    messageId: message.id,
    status: trail?.status ?? 'accepted',
    transport: trail?.transport ?? transport.name,
    durability: trail?.durability ?? transport.durability,
    attempts,
    isPossibleDuplicate: attempts.length > 1 && attempts.some(({ outcome }) => outcome === 'unknown'),
  };
}

const WHAT_NOW = {
  unavailable: 'It was not taken and can be published again.',
  unknown: 'It may or may not arrive; publish it again with the same messageId.',
  refused: 'It will never be taken as it is.',
} as const;

function failureOf(
  topic: string,
  message: WireMessage,
  outcome: Exclude<PublishOutcome, { kind: 'accepted' }>,
  attempts: readonly PublishAttempt[],
): PublishError {
  const tried = attempts
    .map((attempt) => `${attempt.transport}: ${attempt.errorCode ?? attempt.outcome}`)
    .join(', ');
  const why = outcome.error instanceof MessagingError ? ` ${outcome.error.message}` : '';
  return new PublishError(
    outcome.kind,
    `Message ${message.id} for "${topic}" was not accepted (${outcome.kind}${tried && `; ${tried}`}).${why} ${WHAT_NOW[outcome.kind]}`,
    { messageId: message.id, attempts, cause: outcome.error },
  );
}

function toError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new InvalidMessageError(
        'PAYLOAD_INVALID',
        'A codec or key function threw something that is not an Error.',
      );
}
