import type { DeadLetterReason } from './dead-letter-store.js';

/**
 * The port between the messaging core and whatever carries its messages.
 *
 * A transport moves bytes. It never sees a payload type, a handler, a retry policy or a dead letter: all of that is
 * policy and lives once, in the core. What each method owes its caller is checked by the conformance suite in
 * `src/testing/conformance`, which every transport and every composite passes.
 */

/** What a broker carries. */
export interface WireMessage {
  /** Stable across retries, failover and replays, and therefore the idempotency key. */
  readonly id: string;
  /** Messages with equal keys keep their order where the subscription asks for it. */
  readonly key?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Where a message goes. Without `group` every consumer group of the topic gets it, with `group` only that one. */
export interface Destination {
  readonly topic: string;
  readonly group?: string;
}

export interface PublishOptions {
  /** Keep the messages from every consumer for this long. Defaults to no delay. */
  readonly delayMs?: number;
  /** Longest time, from the call, until every outcome is known. What is not known by then is `unknown`. */
  readonly deadlineMs: number;
  /**
   * `strict`: messages with a key go to one broker only, because their order would be lost between two. A transport that combines
   * members sends a key always to the same one, and answers `unavailable` while that one is down; others need not read it.
   */
  readonly ordering?: 'strict';
  /** The messages are worthless later: they are not kept for a broker that is down. A spool answers `unavailable` for it. */
  readonly isTransient?: true;
}

/** One try of a publish on one transport, as receipts and errors show it. */
export interface PublishAttempt {
  readonly transport: string;
  readonly outcome: PublishOutcome['kind'];
  readonly durationMs: number;
  readonly errorCode?: string;
}

/** How an outcome came about. Set by transports that combine members; the core fills it in for the others. */
export interface PublishTrail {
  /** Name of the transport that took (or failed to take) the message in the end. */
  readonly transport: string;
  /** Open, like that of a receipt. */
  readonly status: 'accepted' | 'spooled';
  readonly durability: Durability;
  readonly attempts: readonly PublishAttempt[];
}

/** What became of one published message. */
export type PublishOutcome =
  /** The broker has taken responsibility at the transport's `durability`. */
  | { readonly kind: 'accepted'; readonly trail?: PublishTrail }
  /** Certainly not taken: sending it elsewhere cannot duplicate it. */
  | { readonly kind: 'unavailable'; readonly error: Error; readonly trail?: PublishTrail }
  /** It may or may not have been taken: the deadline passed or the connection was lost after writing. */
  | { readonly kind: 'unknown'; readonly error: Error; readonly trail?: PublishTrail }
  /** Will never be taken as it is (too large, forbidden, unroutable): no other transport should be tried. */
  | { readonly kind: 'refused'; readonly error: Error; readonly trail?: PublishTrail };

/** What a group asks of a topic. Subscriptions are durable: a group that has consumed once keeps receiving. */
export interface Subscription {
  readonly topic: string;
  readonly group: string;
  /** Ceiling of deliveries in flight, per process. */
  readonly concurrency: number;
  /** `key`: deliveries with equal keys run one after the other, in the order in which they were published. */
  readonly ordering: 'none' | 'key';
}

/** One hand-over of a message to a consumer. */
export interface Delivery {
  readonly message: WireMessage;
  /** 1 for the first hand-over; raised by a retry and by the death of a process while the message was in flight. */
  readonly attempt: number;
  /** Name of the transport that the message came from. */
  readonly transport: string;
  /** Present when no handler can get it: the core makes it a dead letter, with its headers and the bytes of its body. */
  readonly unacceptable?: Unacceptable;
}

/** Why a transport delivers a message that no handler can get. */
export interface Unacceptable {
  /**
   * `deserialization_failed`: a record in a place of ours cannot be read. `corrupt`: it is not as it was written. `expired`, `queue_overflow`,
   * `max_deliveries`: the broker took it out of the group's place.
   */
  readonly reason: DeadLetterReason;
  /** A sentence for operators: what is wrong, and where the message was on the broker. */
  readonly detail: string;
}

/** What the transport must do with a delivery once the core is done with it. */
export type Settlement =
  | { readonly kind: 'ack' }
  | {
      /**
       * Deliver it again, to the same group only, not before `delayMs`, with `attempt + 1` unless `countsAttempt` is
       * false.
       */
      readonly kind: 'retry';
      /** A whole number of milliseconds. */
      readonly delayMs: number;
      /**
       * False: the attempt has no result, so the message is delivered with the same `attempt` again, also after a
       * restart. No delivery limit of the broker may count it either.
       */
      readonly countsAttempt?: false;
      /** Laid over the message's headers from the next delivery on. */
      readonly headers?: Readonly<Record<string, string>>;
    };

/** Called once a delivery. Never rejects: whatever happens inside becomes a settlement. */
export type OnDelivery = (delivery: Delivery) => Promise<Settlement>;

/** The running thing that serves a subscription. */
export interface Consumer {
  /** Ends intake, then waits until every delivery in flight is settled. Idempotent. */
  stop(): Promise<void>;
}

/** Depth of one group's share of a topic. */
export interface Backlog {
  /** Could be delivered now. */
  readonly ready: number;
  /** Handed over, not yet settled. */
  readonly inFlight: number;
  /** Retries and delayed messages that are not due yet. */
  readonly delayed: number;
  /** Age of the oldest message that is not settled. Absent when there is none. */
  readonly oldestAgeMs?: number;
}

/**
 * What `accepted` means on a transport as it is configured: `memory` survives nothing but a healthy process,
 * `acknowledged` survives the death of this process, `replicated` survives the loss of a broker node as well.
 */
export type Durability = 'memory' | 'acknowledged' | 'replicated';

export interface Transport {
  /** The configured name, unique in an application. Deliveries, receipts, metrics and health carry it. */
  readonly name: string;
  /** Kind of broker behind it: `memory`, `embedded` or the name of a broker. A label, nothing branches on it. */
  readonly system: string;
  readonly durability: Durability;
  /** No broker is behind it, so that no other process shares its messages. @default false */
  readonly isLocal?: boolean;

  /** Makes the transport usable. Rejects when the broker cannot be reached; may be called again then. */
  connect(): Promise<void>;

  /**
   * Hands messages to the broker; resolves with one outcome per message, in order, and never rejects.
   *
   * Never buffers while disconnected (that is `unavailable`) and never waits past `deadlineMs`.
   */
  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]>;

  /** Starts serving a subscription and keeps serving it through reconnects until `stop`. */
  consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer>;

  /** Depth of one group. All zero for a group that was never seen. */
  backlog(subscription: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog>;

  /** Proves that a durable write is possible now, or rejects. */
  ping(): Promise<void>;

  /** Stops consumers and releases the broker. Idempotent, also while something blocks. */
  close(): Promise<void>;
}

/** A group as its transport knows it, whether or not anything in the code still names it. */
export interface GroupState {
  readonly group: string;
  /** Some process consumes for it now. */
  readonly isConsumed: boolean;
  readonly backlog: Backlog;
}

/**
 * Offered besides {@link Transport} by transports that keep messages for every group until it is removed, so that operators can
 * find a group that was forgotten and remove it.
 */
export interface GroupKeeper {
  /** Every group of the topic. None for a topic that was never seen. */
  groups(topic: string): Promise<readonly GroupState[]>;

  /**
   * Forgets a group permanently, with everything that it has not settled. Resolves with false when there is no such group.
   *
   * Rejects with a MessagingError `CONFLICT` while the group is consumed.
   */
  removeGroup(topic: string, group: string): Promise<boolean>;
}

export function keepsGroups(transport: Transport): transport is Transport & GroupKeeper {
  return 'groups' in transport && 'removeGroup' in transport;
}

/** Messages that a transport keeps outside of any group's queue: foreign ones, or those that no group could receive. */
export interface KeptMessages {
  /** Name of the place on the broker. */
  readonly place: string;
  readonly messages: number;
  readonly topic?: string;
  readonly group?: string;
}

/** Offered besides {@link Transport} by transports that keep such messages, so that operators can send them on. */
export interface MessageKeeper {
  /** Every place that holds messages now. */
  kept(): Promise<readonly KeptMessages[]>;

  /**
   * Sends the messages of a place to a group, or without one to where they were published to. Resolves with their number.
   *
   * Rejects with a MessagingError `NOT_FOUND` (no such place), `OPTION_INVALID` (it needs a group) or `CONFLICT` (no group
   * would get them).
   */
  release(place: string, to?: Required<Destination>): Promise<number>;
}

export function keepsMessages(transport: Transport): transport is Transport & MessageKeeper {
  return 'kept' in transport && 'release' in transport;
}

/** Bytes that are in use, and that may be. */
export interface DiskUse {
  readonly bytes: number;
  readonly maxBytes: number;
}

/** Offered besides {@link Transport} by transports that keep messages on a disk of this machine. */
export interface Stored {
  /** Undefined while it is not open. */
  diskUse(): DiskUse | undefined;
}

export function isStored(transport: Transport): transport is Transport & Stored {
  return 'diskUse' in transport;
}

/**
 * What happened inside a transport, emitted through {@link TransportContext.onEvent}. Open: a minor version may add a `type`, so a
 * `switch` needs a `default` branch.
 */
export type TransportEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly error?: Error }
  | { readonly type: 'blocked'; readonly reason: string }
  | { readonly type: 'unblocked' }
  | { readonly type: 'error'; readonly error: Error }
  /** A transport that combines others publishes on another of them from now on. */
  | { readonly type: 'switched'; readonly from: string; readonly to: string; readonly reason: string }
  /** The settlement of a delivery of a dead connection: dropped, the message will come back. */
  | { readonly type: 'settlement-dropped'; readonly topic: string; readonly group: string }
  /**
   * Messages that a group had not settled are gone from the broker: by a configured limit, or because another client
   * removed them.
   */
  | {
      readonly type: 'unread-removed';
      readonly topic: string;
      /** The group that misses them; absent where that is not known. */
      readonly group?: string;
      readonly count: number;
      /** One of a few fixed words, such as `trimmed`. Safe as a label. Open. */
      readonly reason: string;
    }
  /** Something on the broker stands against a promise. It lasts until `problem-solved`, where the transport lists it. */
  | { readonly type: 'problem'; readonly problem: TransportProblem }
  | { readonly type: 'problem-solved'; readonly problem: TransportProblem }
  /** Headers of ours on a message from outside were not believed and were removed. `count` is the number of messages. */
  | {
      readonly type: 'headers-ignored';
      readonly topic: string;
      readonly group: string;
      readonly count: number;
    };

/** What is wrong on a broker, as events, logs and health show it. */
export interface TransportProblem {
  /** One of a few fixed words in snake case, such as `queue_deleted`. Safe as a label. Open. */
  readonly code: string;
  readonly topic?: string;
  readonly group?: string;
  /** The cause as a short code, such as `NOPERM`, where there is one. Health shows it, so it names no host. Open. */
  readonly reason?: string;
  /** What happened, to which thing, and what to do. May name hosts; carries no secret. */
  readonly detail: string;
}

/**
 * Code of the problem of a consumer that gets no messages now although it was started: it lost its permission, its
 * queue or its assignment. It names topic and group, and is solved once messages can come again.
 */
export const CONSUMER_INTERRUPTED = 'consumer_interrupted';

/** Offered besides {@link Transport}, or by a store, that knows what is wrong on its broker or disk. */
export interface ProblemReporter {
  /** The problems that last now. */
  problems(): readonly TransportProblem[];
}

export function reportsProblems<T extends object>(reporter: T): reporter is T & ProblemReporter {
  return 'problems' in reporter;
}

/**
 * A message that its broker refuses permanently although it was accepted before: on behalf of the transport, or as a
 * delivery whose next attempt the broker does not take.
 */
export interface RefusedMessage {
  readonly to: Destination;
  /** Attempts that were used. Defaults to none. */
  readonly attempts?: number;
  /** Reason of its dead letter. Defaults to `rejected`. */
  readonly reason?: DeadLetterReason;
  readonly message: WireMessage;
  readonly error: Error;
  /** Name of the transport that refused it. */
  readonly transport: string;
}

/** What every transport is given besides its own options. */
export interface TransportContext {
  readonly name: string;
  readonly clock: Clock;
  readonly onEvent: (event: TransportEvent) => void;
  /** Keeps the message as a dead letter. Rejects when it cannot be kept now, with how long to wait in a `NotKeptError`. */
  readonly keepRefused?: (refused: RefusedMessage) => Promise<void>;
}

/** Time as a parameter, so that tests can advance it. */
export interface Clock {
  /** Milliseconds since 1970, for timestamps that leave the process. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start, for durations and deadlines. Never jumps. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`. The returned function cancels it. Does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** A test moves the time, so no process is kept alive to wait for it. @default false */
  readonly isVirtual?: boolean;
}
