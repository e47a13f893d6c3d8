import type { DeadLetterReason, DeadLetterStatus } from '../ports/dead-letter-store.js';
import type { TransportEvent } from '../ports/transport.js';

/** Names what an event about a delivery is about. One object a handler, made at boot: compare it by identity. */
export interface HandlerIdentity {
  readonly topic: string;
  readonly group: string;
  /** `Class.method`. */
  readonly handler: string;
}

/**
 * Why a message is delivered again as the same attempt: its handler was abandoned at shutdown, a copy holds its claim, a
 * store did not answer, or its handler failed with an error of its kill switch. Open: a minor version may add reasons.
 */
export type PostponeReason =
  | 'abandoned'
  | 'claimed'
  | 'idempotency-unavailable'
  | 'dead-letters-unavailable'
  | 'dead-letters-full'
  | 'kill-switch';

/**
 * Everything that observers receive. The union is open: a minor version may add a `type`, or a value to one of the unions
 * below it, so a `switch` needs a `default` branch.
 */
export type MessagingEvent =
  /** One call of `Transport.publish`, once for each kind of outcome in it. */
  | {
      readonly type: 'published';
      readonly topic: string;
      readonly transport: string;
      readonly outcome: 'accepted' | 'spooled' | 'unavailable' | 'unknown' | 'refused';
      readonly count: number;
      readonly durationMs: number;
      readonly errorCode?: string;
    }
  /** A publish that was refused before any transport saw it. */
  | { readonly type: 'publish-rejected'; readonly topic: string; readonly errorCode: string }
  /** A publish failed whose caller may not look at its result: an `emit` of a client of `@nestjs/microservices`. */
  | { readonly type: 'publish-failed'; readonly topic: string; readonly error: Error }
  | {
      readonly type: 'delivered';
      readonly to: HandlerIdentity;
      readonly transport: string;
      readonly messageId: string;
      readonly attempt: number;
    }
  | {
      readonly type: 'handled';
      readonly to: HandlerIdentity;
      readonly transport: string;
      readonly messageId: string;
      readonly attempt: number;
      readonly durationMs: number;
      /** From publish to handled; absent when the message says no time. */
      readonly latencyMs: number | undefined;
      /** The message came from a replay. */
      readonly replayed: boolean;
    }
  | {
      readonly type: 'failed';
      readonly to: HandlerIdentity;
      readonly transport: string;
      readonly messageId: string;
      readonly attempt: number;
      /** Absent when the handler was not run. */
      readonly durationMs?: number;
      /** `replied`: a request, whose asker has the failure as its reply. */
      readonly disposition: 'retry' | 'dead_letter' | 'discard' | 'replied';
      readonly reason: DeadLetterReason;
      readonly error: Error;
      /** Until the next attempt, when `disposition` is `retry`. */
      readonly delayMs?: number;
      readonly replayed: boolean;
    }
  | { readonly type: 'duplicate-suppressed'; readonly to: HandlerIdentity; readonly messageId: string }
  /** The attempt has no result; the message comes back as the same attempt. */
  | {
      readonly type: 'postponed';
      readonly to: HandlerIdentity;
      readonly transport: string;
      readonly messageId: string;
      readonly attempt: number;
      readonly reason: PostponeReason;
      readonly delayMs: number;
      /** Of the handler, when its kill switch is the reason. */
      readonly error?: Error;
    }
  /** A request of this process is in flight. One `request-ended` follows. */
  | { readonly type: 'requested'; readonly topic: string; readonly transport: string }
  | {
      readonly type: 'request-ended';
      readonly topic: string;
      readonly transport: string;
      /** `failed`: there is a reply, and it is a failure. `rejected`: the request could not be sent, or the asker gave up. */
      readonly outcome: 'replied' | 'failed' | 'timeout' | 'rejected';
      readonly durationMs: number;
      readonly errorCode?: string;
    }
  /** A reply that comes too late or a second time, or that names no request. */
  | { readonly type: 'reply-dropped'; readonly transport: string; readonly reason: 'late' | 'unreadable' }
  /** A request that was not handled or not answered. Open. */
  | {
      readonly type: 'request-dropped';
      readonly to: HandlerIdentity;
      readonly transport: string;
      readonly messageId: string;
      /** `expired`: its asker has stopped waiting. `unaddressed`: it names no inbox or no deadline. `unreachable`: its reply could not be sent. */
      readonly reason: 'expired' | 'unaddressed' | 'unreachable';
    }
  /** The dead letter store or idempotency store did not answer; the message is tried again. */
  | {
      readonly type: 'store-failed';
      readonly store: 'dead-letters' | 'idempotency';
      readonly to: HandlerIdentity;
      readonly error: Error;
    }
  | {
      readonly type: 'dead-letter-changed';
      readonly id: string;
      readonly topic: string;
      readonly group: string;
      readonly to: DeadLetterStatus | 'discarded';
    }
  /** A limit of the store has removed a dead letter. The message of one that was `failed` is lost. */
  | {
      readonly type: 'dead-letter-removed';
      readonly id: string;
      readonly topic: string;
      readonly group: string;
      readonly messageId: string;
      /** What it was before. */
      readonly status: DeadLetterStatus;
      /** `resolved` 14 days after it was archived or handled, else the limit that was reached. Open. */
      readonly cause: 'resolved' | 'maxAgeMs' | 'maxCount' | 'maxBytes';
    }
  /** What an operation did to one dead letter. `unknown`: a replay that may or may not have been sent. */
  | {
      readonly type: 'dead-letter-operation';
      readonly operation: 'replay' | 'archive' | 'restore' | 'discard';
      readonly outcome: 'succeeded' | 'failed' | 'unknown' | 'skipped';
    }
  /** A caller used the admin API or the dead letter service, or was kept from it. */
  | {
      readonly type: 'admin-action';
      /** One of a few fixed words, such as `replay`. Safe as a label. */
      readonly action: string;
      readonly outcome: 'succeeded' | 'failed' | 'denied';
      /** Who used it, as the authorizer names callers. No label. */
      readonly actor: string;
      /** What was changed, where that is one thing. No label. */
      readonly id?: string;
    }
  /** The control store did not take an action for the list of actions. The audit log has it. */
  | { readonly type: 'audit-missed'; readonly action: string }
  /** What a handler depends on is down, or works again. `errorType` is the class of the error that opened the switch. */
  | {
      readonly type: 'kill-switch';
      readonly to: HandlerIdentity;
      readonly change: 'opened' | 'closed';
      readonly errorType: string;
    }
  /** A group was paused, or its pause has ended. Each process that follows the control store emits it. */
  | {
      readonly type: 'subscription-changed';
      readonly topic: string;
      readonly group: string;
      /** Absent when it was resumed. `until` is in milliseconds since 1970. */
      readonly pause?: { readonly reason: string; readonly by: string; readonly until: number };
    }
  | { readonly type: 'consumer'; readonly to: HandlerIdentity; readonly change: 'started' | 'stopped' }
  | { readonly type: 'transport'; readonly transport: string; readonly event: TransportEvent };

/** Watches without taking part. What it throws is logged once and ignored; it must not block. */
export interface MessagingObserver {
  on(event: MessagingEvent): void;
}
