import type { DrainSignal } from './ports/drain-signals.js';
import type { AuditSink } from './observing/audit-entry.js';
import type { ControlStore } from './ports/control-store.js';
import type { DeadLetterLimits } from './ports/dead-letter-limits.js';
import type { DeadLetterStore } from './ports/dead-letter-store.js';
import type { IdempotencyStore } from './ports/idempotency-store.js';
import type { MessageLimits } from './message/message-limits.js';
import type { AnyMessageType } from './message/message-type.js';
import type { AroundFunction, BeforePublish, HandlerAround, PublishHook, SeamEntry } from './message/seam.js';
import type { MessagingObserver } from './observing/events.js';
import type { RedactionOptions } from './redaction/redaction-options.js';
import type { ErrorRule, Backoff } from './retry-policy.js';
import type { Route } from './routing/routing-table.js';
import type { TransportEventRelay } from './observing/transport-event-relay.js';
import type { Clock, Transport } from './ports/transport.js';

/** Settings of handlers that set none of their own. */
export interface HandlerDefaults {
  /** @default 16 */
  readonly concurrency?: number;
  /** Attempts in all, the first included. @default 5 */
  readonly attempts?: number;
  /** @default exponential, 1 s to 60 s, full jitter */
  readonly backoff?: Backoff;
  /** Tried after the handler's own rules. */
  readonly errors?: readonly ErrorRule[];
  /** Longest run of a handler; 0 for no limit. @default 30_000 */
  readonly timeoutMs?: number;
  /** @default 0, off */
  readonly idempotencyWindowMs?: number;
}

/** What `MessagingModule.forRoot` takes and `forRootAsync` computes. */
export interface MessagingModuleOptions {
  /** Name of the application: default consumer group and CloudEvents source. */
  readonly service: string;
  /** At least one. The core connects and closes them. */
  readonly transports: readonly Transport[];
  /** First match wins. Defaults to everything on the first transport. */
  readonly routes?: readonly Route[];
  /**
   * Transports that subscriptions are served from besides the one their topic is routed to: those that may still hold
   * messages of earlier routes, so that a change of routes strands nothing.
   */
  readonly drain?: readonly string[];
  readonly deadLetters: DeadLetterStore;
  /**
   * Stores the entries of the audit log; a change that it cannot record does not happen.
   * @default one line of JSON each in the log category `MessagingAudit`
   */
  readonly auditSink?: AuditSink;
  /**
   * What of messages is shown to operators and in logs.
   * @default no rules, and names that look like secrets
   */
  readonly redaction?: RedactionOptions;
  /** How much of them is kept. @default no limits */
  readonly deadLetterLimits?: DeadLetterLimits;
  /** Needed once a handler sets `idempotencyWindowMs`. */
  readonly idempotency?: IdempotencyStore;
  /**
   * Stores what operators set while the application runs: pauses and limits of subscriptions. One that processes share
   * makes it apply to all of them.
   * @default in the memory of this process
   */
  readonly control?: ControlStore;
  /** Message types that no handler names but wildcard handlers should see when they are published. */
  readonly messages?: readonly AnyMessageType[];
  readonly defaults?: HandlerDefaults;
  readonly limits?: Partial<MessageLimits>;
  readonly observers?: readonly MessagingObserver[];
  /** The relay that made the transports' `onEvent` listeners, so that observers receive events of connections and errors. */
  readonly transportEvents?: TransportEventRelay;
  /** Longest wait for a receipt. @default 10_000 */
  readonly publishDeadlineMs?: number;
  /** Messages in flight to one transport at a time, beyond which publishing fails. @default 10_000 */
  readonly maxInFlight?: number;
  /** Bytes in flight to one transport at a time. @default 67_108_864 (64 MiB) */
  readonly maxInFlightBytes?: number;
  /** Requests of this process in flight at a time, beyond which a request is rejected at once. @default 10_000 */
  readonly maxRequestsInFlight?: number;
  /**
   * `required` fails the boot when a transport cannot be reached; `background` boots and keeps trying, while health reports the transport as down.
   * @default 'required'
   */
  readonly connect?: 'required' | 'background';
  /**
   * Longest wait for running handlers when the process is asked to stop. Handlers still running afterwards are
   * abandoned and their messages come back without using an attempt. Keep it below the orchestrator's kill timeout
   * (Kubernetes: 30 s). `0` abandons at once.
   * @default 25_000
   */
  readonly drainTimeoutMs?: number;
  /**
   * A signal upon which this process consumes nothing more and still publishes, until it ends. SIGTERM ends it as ever.
   * @default none
   */
  readonly drainSignal?: DrainSignal;
  /** Run global guards, pipes, interceptors and filters for messages too; they are usually written for HTTP. @default false */
  readonly globalEnhancers?: boolean;
  /** Run around every handler, the first outermost: for contexts, transactions, traces. @default [] */
  readonly around?: readonly SeamEntry<HandlerAround, AroundFunction>[];
  /** Called with every message before it is sent, to add headers. @default [] */
  readonly beforePublish?: readonly SeamEntry<PublishHook, BeforePublish>[];
  /** Names of headers that a message published by a handler takes over from the message being handled. @default [] */
  readonly propagate?: readonly string[];
  /** @default the machine's clock */
  readonly clock?: Clock;
  /** `false` for a process that only publishes: handlers are ignored and nothing is consumed. @default true */
  readonly registerHandlers?: boolean;
  /**
   * Mistakes that were found while these options were made. They are reported together with those of handlers and message
   * types, and the application does not start.
   */
  readonly problems?: readonly string[];
}

/** What Nest must know before the options are computed. */
export interface MessagingModuleExtras {
  /** Makes `MessagingService` and the rest injectable everywhere without importing the module. @default true */
  readonly isGlobal?: boolean;
  /** `false` for a process that only publishes: handlers are ignored and nothing is consumed. @default true */
  readonly registerHandlers?: boolean;
}
