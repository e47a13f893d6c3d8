export { type Codec, jsonCodec } from './codec.js';
export { systemClock } from './clock.js';
export { dtoSchema } from './dto-schema.js';
export {
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATUSES,
  type DeadLetter,
  type DeadLetterError,
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterPage,
  type DeadLetterReason,
  type DeadLetterStatus,
  type DeadLetterCount,
  type DeadLetterStore,
  type DeadLetterSummary,
  type FailedAttempt,
  type NewDeadLetter,
} from './dead-letters/dead-letter-store.js';
export { DeadLetterService } from './dead-letters/dead-letter.service.js';
export { HEADER } from './headers.js';
export {
  MessageHandler,
  type MessageHandlerOptions,
  type MessageHandlerOptionsFactory,
} from './handlers/message-handler.decorator.js';
export type { IdempotencyClaim, IdempotencyStore } from './idempotency/idempotency-store.js';
export { MessageContext } from './message-context.js';
export type { MessageLimits } from './message-limits.js';
export {
  type AnyMessageType,
  defineMessage,
  type InputOf,
  type MessageType,
  type MessageTypeOptions,
  type PayloadOf,
} from './message-type.js';
export {
  HandlerTimeoutError,
  InvalidMessageError,
  MessagingConfigurationError,
  MessagingError,
  type MessagingErrorCode,
  PermanentError,
  PublishError,
  RetryAfterError,
} from './messaging.errors.js';
export type { HandlerIdentity, MessagingEvent, MessagingObserver } from './messaging.events.js';
export {
  MessagingModule,
  type MessagingModuleAsyncOptions,
  type MessagingOptionsFactory,
} from './messaging.module.js';
export type { HandlerDefaults, MessagingModuleExtras, MessagingModuleOptions } from './messaging.options.js';
export { MessagingService, PublishManyError, type PublishReceipt } from './messaging.service.js';
export {
  MESSAGING_VIEW,
  type MessagingState,
  type MessagingView,
  type SubscriptionView,
} from './messaging.view.js';
export type { PublishMessageOptions } from './publish-options.js';
export type { Backoff, ErrorRule } from './retry-policy.js';
export type { Route } from './routing.js';
export { TransportEventRelay } from './transport-event-relay.js';
export { keepsGroups } from './transport.js';
export type {
  Backlog,
  Clock,
  Consumer,
  Delivery,
  Destination,
  Durability,
  GroupKeeper,
  GroupState,
  OnDelivery,
  PublishAttempt,
  PublishOptions,
  PublishOutcome,
  PublishTrail,
  Settlement,
  Subscription,
  Transport,
  TransportContext,
  TransportEvent,
  WireMessage,
} from './transport.js';
