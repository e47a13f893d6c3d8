import { getMaxListeners, setMaxListeners } from 'node:events';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Inboxes } from './inboxes.js';
import type { PublishPlan, PublishPlanner } from './publish-planner.js';
import { type CheckedRequestOptions, readRequestOptions, type RequestOptions } from './request-options.js';
import { decodeBody } from '../delivery/delivery-checks.js';
import { handlingContext } from '../message/handling-context.js';
import { uuidV7 } from '../message/ids.js';
import type { MessageContext } from '../message/message-context.js';
import type { MessageType } from '../message/message-type.js';
import { failureIn, kindOf, requestIdOf } from '../message/reply.js';
import { type AnyRequestType, isRequestType } from '../message/request-type.js';
import { describeIssues } from '../message/schema-issues.js';
import type { MessagingEvent } from '../observing/events.js';
import { errorCodeOf, InvalidMessageError, MessagingError } from '../ports/errors.js';
import { OWN_HEADERS } from '../ports/headers.js';
import { carriesReplies, type Inbox } from '../ports/replies.js';
import { RequestError } from '../ports/request-error.js';
import type { PublishOptions, PublishOutcome, WireMessage } from '../ports/transport.js';

type Ended = Extract<MessagingEvent, { type: 'request-ended' }>;

const DEFAULT_MAX_REQUESTS_IN_FLIGHT = 10_000;
/** Topics that are known to have a handler. */
const MAX_KNOWN_TOPICS = 10_000;

/** One request until its reply, its failure or its deadline. */
interface Pending {
  readonly id: string;
  readonly type: AnyRequestType;
  readonly plan: PublishPlan;
  readonly options: CheckedRequestOptions;
  readonly cause: MessageContext | undefined;
  /** The reply is here and being read. */
  isAnswered: boolean;
  /** Ends it; later calls have no effect. */
  readonly end: (
    outcome: Ended['outcome'],
    result: { readonly value: unknown } | { readonly error: Error },
  ) => void;
}

/** Sends requests and gives each its reply. Holds what is in flight in memory, so that a reply needs no store. */
export class Requests {
  readonly #pending = new Map<string, Pending>();
  readonly #inboxes: Inboxes;
  readonly #handled = new Set<string>();
  readonly #looking = new Map<string, Promise<boolean>>();
  #how: PublishOptions = { deadlineMs: 0, isTransient: true };
  #isClosed = false;

  /** @param maxInFlight requests that may be in flight at a time, beyond which a request is rejected at once. */
  constructor(
    private readonly planner: PublishPlanner,
    private readonly maxInFlight: number = DEFAULT_MAX_REQUESTS_IN_FLIGHT,
  ) {
    this.#inboxes = new Inboxes(planner.clock, (transport, reply) => this.#received(transport, reply));
  }

  /** Throws for a request that is wrong in itself. The promise rejects with what becomes of it. */
  request(type: AnyRequestType, payload: unknown, given: RequestOptions): Promise<unknown> {
    if (!isRequestType(type))
      throw new InvalidMessageError(
        'OPTION_INVALID',
        `"${(type as MessageType).name}" is no request. Give what defineRequest returns, or publish it.`,
      );
    const cause = handlingContext.getStore();
    const options = readRequestOptions(given, this.planner, cause);
    if (this.#isClosed) throw stopped(type.name);
    const plan = this.planner.planFor(type as unknown as MessageType);
    const refusal = this.#refusalOf(type.name, options);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const pending = this.#begin({ type, plan, options, cause }, { resolve, reject });
      const failed = (error: unknown): void =>
        pending.end('rejected', { error: asRejection(error, type.name) });
      try {
        this.#send(pending, payload)?.catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Rejects what is in flight, and every request from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pending of [...this.#pending.values()])
      pending.end('rejected', { error: stopped(pending.type.name) });
    await this.#inboxes.close();
  }

  #refusalOf(topic: string, { timeoutMs, signal }: CheckedRequestOptions): RequestError | undefined {
    if (signal?.aborted) return givenUp(topic, signal);
    if (timeoutMs <= 0)
      return new RequestError(
        'DEADLINE_EXCEEDED',
        `Request "${topic}" was not sent: the deadline of the request being handled has passed.`,
        { retryable: true },
      );
    if (this.#pending.size < this.maxInFlight) return undefined;
    return new RequestError(
      'OVERLOADED',
      `Request "${topic}" was not sent: ${this.maxInFlight} requests are in flight. Ask fewer at a time, or raise maxRequestsInFlight.`,
      { retryable: true },
    );
  }

  #begin(
    asked: Pick<Pending, 'type' | 'plan' | 'options' | 'cause'>,
    promise: { resolve: (value: unknown) => void; reject: (error: Error) => void },
  ): Pending {
    const { clock, emit } = this.planner;
    const { timeoutMs, signal } = asked.options;
    const topic = asked.type.name;
    const transport = asked.plan.transport.name;
    const startedAt = clock.monotonic();
    const id = uuidV7(clock.now());
    const pending: Pending = {
      id,
      ...asked,
      isAnswered: false,
      end: (outcome, result) => {
        if (!this.#pending.delete(id)) return;
        cancel();
        signal?.removeEventListener('abort', abort);
        const durationMs = clock.monotonic() - startedAt;
        const failed = 'error' in result && { errorCode: errorCodeOf(result.error) };
        emit({ type: 'request-ended', topic, transport, outcome, durationMs, ...failed });
        if ('error' in result) promise.reject(result.error);
        else promise.resolve(result.value);
      },
    };
    const abort = (): void => pending.end('rejected', { error: givenUp(topic, signal as AbortSignal) });
    const cancel = clock.schedule(timeoutMs, () => pending.end('timeout', { error: late(topic, timeoutMs) }));
    if (signal) {
      this.#allowListeners(signal);
      signal.addEventListener('abort', abort, { once: true });
    }
    this.#pending.set(id, pending);
    emit({ type: 'requested', topic, transport });
    return pending;
  }

  /** Because one signal may belong to all requests in flight, and Node warns of a leak from eleven listeners on. */
  #allowListeners(signal: AbortSignal): void {
    const most = getMaxListeners(signal);
    if (most > 0 && most < this.maxInFlight) setMaxListeners(this.maxInFlight, signal);
  }

  /** A promise only for what has to be waited for, which mostly the first request of a type has. */
  #send(pending: Pending, payload: unknown): Promise<void> | undefined {
    const { plan } = pending;
    const deadlineAt = this.planner.clock.now() + pending.options.timeoutMs;
    const result = plan.type.schema['~standard'].validate(payload);
    if (result instanceof Promise)
      return result.then((later) => {
        plan.writer.refuseInvalid(plan.type, later);
        return this.#sendValid(pending, payload, deadlineAt);
      });
    plan.writer.refuseInvalid(plan.type, result);
    return this.#sendValid(pending, payload, deadlineAt);
  }

  #sendValid(pending: Pending, payload: unknown, deadlineAt: number): Promise<void> | undefined {
    const { plan } = pending;
    const inbox = this.#inboxes.of(plan.transport);
    const isHandled = this.#isHandled(plan);
    if (!(inbox instanceof Promise) && isHandled === true)
      return this.#sendTo(inbox, pending, { payload, deadlineAt });
    return Promise.all([inbox, isHandled]).then(([opened, isFound]) => {
      if (!isFound) throw unhandled(plan.type.name, plan.transport.name);
      return this.#sendTo(opened, pending, { payload, deadlineAt });
    });
  }

  #sendTo(
    { address }: Inbox,
    pending: Pending,
    { payload, deadlineAt }: { readonly payload: unknown; readonly deadlineAt: number },
  ): Promise<void> | undefined {
    const { id, plan, options, cause } = pending;
    if (!this.#pending.has(id)) return undefined; // its time was up meanwhile
    if (address === '') throw noInbox(plan.transport.name);
    const written = plan.writer.write(plan, payload, { ...options.message, messageId: id }, cause);
    const headers = written.headers as Record<string, string>; // made by the writer for this message alone
    headers[OWN_HEADERS.deadline.name] = String(deadlineAt);
    headers[OWN_HEADERS.replyTo.name] = address;
    const proving = plan.roundTrip.prove(written.body);
    if (proving) return proving.then(() => this.#add(pending, written));
    this.#add(pending, written);
    return undefined;
  }

  #add(pending: Pending, message: WireMessage): void {
    const { plan, options } = pending;
    // The same for requests of equal patience, so that they share a batch.
    if (this.#how.deadlineMs !== options.timeoutMs)
      this.#how = { deadlineMs: options.timeoutMs, isTransient: true };
    plan.batcher.add(plan.type.name, message, this.#how, (outcome) => this.#sent(pending, outcome));
  }

  /** After `unknown` the reply may come all the same, so only the deadline ends the wait. */
  #sent({ type, end }: Pending, outcome: PublishOutcome): void {
    if (outcome.kind === 'accepted' || outcome.kind === 'unknown') return;
    const { kind, error } = outcome;
    const isOurs = error instanceof MessagingError;
    const code = isOurs && error.code === 'OVERLOADED' ? error.code : `PUBLISH_${kind.toUpperCase()}`;
    const why = isOurs ? ` ${error.message}` : '';
    const text = `Request "${type.name}" was not sent (${kind}: ${errorCodeOf(error)}).${why}`;
    end('rejected', { error: new RequestError(code, text, { retryable: kind !== 'refused', cause: error }) });
  }

  #received(transport: string, reply: WireMessage): void {
    const id = requestIdOf(reply);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (!pending || pending.isAnswered) {
      const reason = id === undefined ? 'unreadable' : 'late';
      this.planner.emit({ type: 'reply-dropped', transport, reason });
      return;
    }
    pending.isAnswered = true;
    try {
      this.#read(pending, reply)?.catch((error: unknown) => unreadable(pending, error));
    } catch (error) {
      unreadable(pending, error);
    }
  }

  /** A promise only where the schema validates asynchronously. */
  #read({ type, plan, end }: Pending, reply: WireMessage): Promise<void> | undefined {
    const kind = kindOf(reply);
    const failure = kind === 'error' ? failureIn(reply) : undefined;
    if (failure) {
      end('failed', { error: failure });
      return undefined;
    }
    if (kind !== 'ok') throw new Error('It is neither a result nor a failure.');
    const value =
      reply.body.length === 0
        ? undefined
        : decodeBody({ topic: type.name, codec: plan.type.codec }, reply, this.planner.limits);
    const accept = (result: StandardSchemaV1.Result<unknown>): void => {
      if (result.issues) throw new Error(describeIssues(result.issues));
      end('replied', { value: result.value });
    };
    const validated = type.output['~standard'].validate(value);
    if (validated instanceof Promise) return validated.then(accept);
    accept(validated);
    return undefined;
  }

  /** Asked once for a topic: a group that has subscribed stays. */
  #isHandled({ type: { name }, transport }: PublishPlan): true | Promise<boolean> {
    if (this.#handled.has(name) || this.planner.isHandledHere(name)) return true;
    const looking = this.#looking.get(name);
    if (looking) return looking;
    const asked = carriesReplies(transport) ? transport.isSubscribed(name) : Promise.resolve(true);
    // Where it cannot be found out the request is sent, and ends by its deadline.
    const found = asked
      .catch(() => true)
      .then((isHandled) => {
        this.#looking.delete(name);
        if (this.#handled.size >= MAX_KNOWN_TOPICS) this.#handled.clear();
        if (isHandled) this.#handled.add(name);
        return isHandled;
      });
    this.#looking.set(name, found);
    return found;
  }
}

function unreadable({ type, end }: Pending, error: unknown): void {
  const why = error instanceof Error ? error.message : 'The codec threw no Error.';
  const text = `The reply to "${type.name}" is not what its type says. ${why} The request was handled.`;
  end('failed', { error: new RequestError('REPLY_INVALID', text, { cause: error }) });
}

/** What a caller sees of an error that kept the request from being sent. */
function asRejection(error: unknown, topic: string): Error {
  if (error instanceof InvalidMessageError || error instanceof RequestError) return error;
  const isOurs = error instanceof MessagingError;
  const why = isOurs ? error.message : `${errorCodeOf(error)}.`;
  return new RequestError(errorCodeOf(error), `Request "${topic}" was not sent. ${why}`, {
    retryable: isOurs && error.code !== 'CONFIGURATION' && error.code !== 'TOPOLOGY_MISSING',
    cause: error,
  });
}

function late(topic: string, timeoutMs: number): RequestError {
  return new RequestError(
    'DEADLINE_EXCEEDED',
    `No reply to "${topic}" within ${timeoutMs} ms. It may have been handled. Raise timeoutMs, or look whether its handler runs and keeps up.`,
    { retryable: true },
  );
}

function givenUp(topic: string, { reason }: AbortSignal): RequestError {
  return new RequestError('ABORTED', `The asker gave the request "${topic}" up.`, {
    retryable: true,
    cause: reason,
  });
}

function stopped(topic: string): RequestError {
  return new RequestError(
    'NOT_RUNNING',
    `Request "${topic}" has no reply, and the process is stopping. It may be handled all the same.`,
    { retryable: true },
  );
}

function unhandled(topic: string, transport: string): RequestError {
  return new RequestError(
    'NO_HANDLER',
    `No process has subscribed to "${topic}" on "${transport}" so far. Start one with a @RequestHandler for it, and route the request to the same transport there.`,
    { retryable: true },
  );
}

function noInbox(transport: string): RequestError {
  return new RequestError(
    'TRANSPORT_UNAVAILABLE',
    `No reply could arrive on "${transport}" now. It reconnects by itself.`,
    { retryable: true },
  );
}
