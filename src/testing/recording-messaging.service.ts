import { Injectable } from '@nestjs/common';
import { HandlerRegistry } from '../core/messaging/handlers/handler-registry.js';
import type { AnyMessageType, PayloadOf } from '../core/messaging/message/message-type.js';
import { NO_HOOKS } from '../core/messaging/message/seam.js';
import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import { systemClock } from '../core/messaging/ports/clock.js';
import { MessagingService } from '../core/messaging/publishing/messaging.service.js';
import { PublishPlanner } from '../core/messaging/publishing/publish-planner.js';
import { TransportDirectory } from '../core/messaging/publishing/transport-directory.js';
import { memoryOptionsSchema } from '../infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../infrastructure/services/memory/memory.transport.js';
import type { Outage } from './harness.js';
import { type PublishedMessage, PublishedMessages } from './published-messages.js';
import { SeverableTransport } from './severable-transport.js';

/**
 * A `MessagingService` for unit tests of what publishes: payloads and options are checked as in production, messages are
 * recorded and not delivered. Without a module: `new OrdersService(new RecordingMessagingService())`, or
 * `{ provide: MessagingService, useClass: RecordingMessagingService }`.
 */
@Injectable()
export class RecordingMessagingService extends MessagingService {
  readonly #transport: SeverableTransport;
  readonly #messages = new PublishedMessages();

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
    super(planner);
    this.#transport = transport;
    this.#messages.watch(transport);
    void transport.connect();
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
