import { Injectable } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { HandlerRegistry } from '../core/messaging/handlers/handler-registry.js';
import type { AnyMessageType, InputOf, PayloadOf } from '../core/messaging/message/message-type.js';
import type { AnyRequestType, ReplyOf, ReturnedOf } from '../core/messaging/message/request-type.js';
import { describeIssues, listIssues } from '../core/messaging/message/schema-issues.js';
import { NO_HOOKS } from '../core/messaging/message/seam.js';
import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import { InvalidMessageError } from '../core/messaging/ports/errors.js';
import { RequestError } from '../core/messaging/ports/request-error.js';
import { readRequestOptions, type RequestOptions } from '../core/messaging/publishing/request-options.js';
import { Requests } from '../core/messaging/publishing/requests.js';
import { systemClock } from '../core/messaging/ports/clock.js';
import { MessagingService } from '../core/messaging/publishing/messaging.service.js';
import { PublishPlanner } from '../core/messaging/publishing/publish-planner.js';
import { TransportDirectory } from '../core/messaging/publishing/transport-directory.js';
import { memoryOptionsSchema } from '../infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../infrastructure/services/memory/memory.transport.js';
import type { Outage } from './harness.js';
import { type PublishedMessage, PublishedMessages } from './published-messages.js';
import { SeverableTransport } from './severable-transport.js';

type Answer = (payload: unknown) => unknown;

/**
 * A `MessagingService` for unit tests of what publishes: payloads and options are checked as in production, messages are
 * recorded and not delivered, and `answer` plays the handlers of requests. Without a module: `new OrdersService(new RecordingMessagingService())`, or
 * `{ provide: MessagingService, useClass: RecordingMessagingService }`.
 */
@Injectable()
export class RecordingMessagingService extends MessagingService {
  readonly #transport: SeverableTransport;
  readonly #messages = new PublishedMessages();
  readonly #planner: PublishPlanner;
  readonly #answers = new Map<string, Answer>();

  constructor() {
    const clock = systemClock;
    const context = { name: 'main', clock, onEvent: () => undefined };
    const transport = new SeverableTransport(
      new MemoryTransport(memoryOptionsSchema.parse({}), context),
      context.onEvent,
    );
    const options = { service: 'test', transports: [transport] } as unknown as MessagingModuleOptions;
    const directory = new TransportDirectory(options, clock);
    const planner = new PublishPlanner(options, directory, clock, () => undefined);
    const nothing = { defaults: {}, handlers: [], types: [], hasIdempotencyStore: false };
    planner.open(new HandlerRegistry({ service: 'test', ...nothing }), NO_HOOKS);
    super(planner, new Requests(planner));
    this.#transport = transport;
    this.#planner = planner;
    this.#messages.watch(transport);
    void transport.connect();
  }

  /**
   * Answers requests of the type from now on. What it throws is the failure.
   *
   * @param answer gets the payload as a handler would.
   */
  answer<TType extends AnyRequestType>(
    type: TType,
    answer: (payload: PayloadOf<TType>) => ReturnedOf<TType> | Promise<ReturnedOf<TType>>,
  ): void {
    this.#answers.set(type.name, answer);
  }

  /** Resolves with what {@link answer} says. Nothing is sent; payload, options and reply are checked as in production. */
  override async request<TType extends AnyRequestType>(
    type: TType,
    payload: InputOf<TType>,
    options: RequestOptions,
  ): Promise<ReplyOf<TType>> {
    const { limits, clock } = this.#planner;
    readRequestOptions(options, { limits, clock }, undefined);
    const handled = await checked(type.schema, payload, `The payload is not a valid "${type.name}"`);
    const answer = this.#answers.get(type.name);
    if (!answer)
      throw new RequestError(
        'NO_HANDLER',
        `Nothing answers "${type.name}" in this test. Call answer() first.`,
      );
    const returned = await answer(handled);
    return await checked(type.output, returned, `The answer is no reply of "${type.name}"`);
  }

  /** What was published of the type, in order. */
  published<TType extends AnyMessageType>(type: TType): PublishedMessage<PayloadOf<TType>>[] {
    return this.#messages.of(type);
  }

  /** From now on publishing rejects with a `PublishError`, as when no broker can be reached. */
  outage(): Outage {
    void this.#transport.sever();
    return { restore: () => this.#transport.restore() };
  }

  /** Forgets what was published. */
  clear(): void {
    this.#messages.clear();
  }
}

async function checked(schema: StandardSchemaV1, value: unknown, problem: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  throw new InvalidMessageError(
    'PAYLOAD_INVALID',
    `${problem}: ${describeIssues(result.issues)}`,
    listIssues(result.issues),
  );
}
