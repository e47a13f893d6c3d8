export type { AuditEntry, AuditSink } from './observing/audit-entry.js';
export { type Codec, jsonCodec } from './message/codec.js';
export type {
  ControlChange,
  ControlChanges,
  ControlEntry,
  ControlPage,
  ControlPutOptions,
  ControlStore,
  ControlWrite,
} from './ports/control-store.js';
export {
  type ControlledSubscription,
  SubscriptionControlService,
  type SubscriptionOrder,
} from './control/subscription-control.service.js';
export type { GroupPlace, PausedGroup, SubscriptionLimits } from './control/subscription-limits.js';
export { systemClock } from './ports/clock.js';
export { dtoSchema } from './message/dto-schema.js';
export {
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATUSES,
  type DeadLetter,
  type DeadLetterCeiling,
  type DeadLetterError,
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterPage,
  type DeadLetterReason,
  type DeadLetterStatus,
  type DeadLetterCount,
  type DeadLetterStore,
  type DeadLetterSummary,
  type DeadLetterUsage,
  type FailedAttempt,
  type NewDeadLetter,
} from './ports/dead-letter-store.js';
export type { DeadLetterLimits, DeadLetterStorage } from './ports/dead-letter-limits.js';
export {
  type DiscoveredHandler,
  type FoundHandlers,
  HANDLER_SOURCE,
  type HandlerSource,
} from './handlers/discovered-handler.js';
export {
  type OperationItems,
  type OperationOrder,
  type OperationRequest,
  OperationsService,
} from './operations/operations.service.js';
export type { OperationPlan } from './operations/operation-plan.js';
export type {
  ItemResult,
  Operation,
  OperationCounts,
  OperationItem,
  OperationKind,
  OperationSelection,
  OperationState,
} from './operations/operation.js';
export { DeadLetterService } from './dead-letters/dead-letter.service.js';
export { HEADER } from './message/headers.js';
export {
  type KillSwitchOptions,
  MessageHandler,
  type MessageHandlerOptions,
  type MessageHandlerOptionsFactory,
} from './handlers/message-handler.decorator.js';
export {
  RequestHandler,
  type RequestHandlerOptions,
  type RequestHandlerOptionsFactory,
} from './handlers/request-handler.decorator.js';
export type { IdempotencyClaim, IdempotencyStore } from './ports/idempotency-store.js';
export { MessageContext } from './message/message-context.js';
export { currentMessage } from './message/handling-context.js';
export type {
  AroundFunction,
  BeforePublish,
  HandlerAround,
  OutgoingMessage,
  PublishHook,
  SeamEntry,
} from './message/seam.js';
export type { MessageLimits } from './message/message-limits.js';
export {
  type AnyMessageType,
  defineMessage,
  type InputOf,
  type MessageType,
  type MessageTypeOptions,
  type PayloadOf,
} from './message/message-type.js';
export {
  type AnyRequestType,
  defineRequest,
  type ReplyOf,
  type RequestType,
  type RequestTypeOptions,
  type ReturnedOf,
} from './message/request-type.js';
export {
  carriesReplies,
  type Inbox,
  type OnReply,
  type Replies,
  type ReplyOptions,
} from './ports/replies.js';
export { RequestError, type RequestErrorOptions } from './ports/request-error.js';
export {
  HandlerTimeoutError,
  InvalidMessageError,
  MessagingConfigurationError,
  MessagingError,
  type MessagingErrorCode,
  PermanentError,
  PublishError,
  RetryAfterError,
} from './ports/errors.js';
export type { HandlerIdentity, MessagingEvent, MessagingObserver } from './observing/events.js';
export {
  MessagingModule,
  type MessagingModuleAsyncOptions,
  type MessagingOptionsFactory,
} from './messaging.module.js';
export type { DrainSignal } from './ports/drain-signals.js';
export type { HandlerDefaults, MessagingModuleExtras, MessagingModuleOptions } from './messaging.options.js';
export { MessagingService, PublishManyError, type PublishReceipt } from './publishing/messaging.service.js';
export {
  type KillSwitchState,
  type LocalStore,
  MESSAGING_VIEW,
  type MessagingState,
  type MessagingView,
  type SubscriptionPause,
  type SubscriptionView,
} from './messaging.view.js';
export type { PublishMessageOptions } from './publishing/publish-options.js';
export type { RequestOptions } from './publishing/request-options.js';
export { MESSAGING_DRAIN, MESSAGING_EMIT } from './messaging.tokens.js';
export type { RedactionAction, RedactionOptions, RedactionRule } from './redaction/redaction-options.js';
export type { Backoff, ErrorMatch, ErrorRule } from './retry-policy.js';
export type { Route } from './routing/routing-table.js';
export { TransportEventRelay } from './observing/transport-event-relay.js';
export { assertName } from './ports/names.js';
export { keepsGroups } from './ports/transport.js';
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
  RefusedMessage,
  Settlement,
  Subscription,
  Transport,
  TransportContext,
  TransportEvent,
  TransportProblem,
  Unacceptable,
  WireMessage,
} from './ports/transport.js';
export { type MessagingBackends, renewableBackends } from './renewable-backends.js';
