/** Why a message was given up. Open: a minor version may add reasons, so a `switch` needs a `default` branch. */
export const DEAD_LETTER_REASONS = [
  'handler_error',
  'timeout',
  'validation_failed',
  'deserialization_failed',
  'no_handler',
  'expired',
  'max_deliveries',
  'rejected',
  'queue_overflow',
  'unroutable',
  'corrupt',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/**
 * `failed` waits for an operator; `replaying` is being published again; `replayed` is on its way to the handler;
 * `resolved` was handled after a replay; `archived` was set aside. A replay that fails again is `failed` again.
 *
 * Open: a minor version may add statuses, so a `switch` needs a `default` branch.
 */
export const DEAD_LETTER_STATUSES = ['failed', 'replaying', 'replayed', 'resolved', 'archived'] as const;
export type DeadLetterStatus = (typeof DEAD_LETTER_STATUSES)[number];

export interface DeadLetterError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** One try that failed. `at` is in milliseconds since 1970. */
export interface FailedAttempt {
  readonly attempt: number;
  readonly at: number;
  readonly errorType: string;
}

/** Everything about a dead letter except its headers and bytes. Times are in milliseconds since 1970. */
export interface DeadLetterSummary {
  /** UUIDv7, so that ids sort by the time of parking. */
  readonly id: string;
  readonly status: DeadLetterStatus;
  readonly topic: string;
  readonly group: string;
  /** `Class.method` of the handler that gave up. */
  readonly handler: string;
  readonly transport: string;
  readonly messageId: string;
  readonly key?: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly reason: DeadLetterReason;
  readonly error: DeadLetterError;
  readonly fingerprint: string;
  readonly attempts: number;
  readonly history: readonly FailedAttempt[];
  readonly publishedAt?: number;
  readonly firstFailedAt: number;
  readonly deadLetteredAt: number;
  /** Last change of `status`. */
  readonly updatedAt: number;
  readonly replayCount: number;
  readonly bodyBytes: number;
  /** Raised by one with every change; what `transition` compares. */
  readonly revision: number;
}

/** A dead letter with the headers and the raw bytes of its message, exactly as they arrived. */
export interface DeadLetter extends DeadLetterSummary {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What the core knows when it parks a message; the store adds the rest. */
export type NewDeadLetter = Omit<
  DeadLetter,
  'status' | 'updatedAt' | 'replayCount' | 'revision' | 'bodyBytes'
>;

/** All given conditions must hold. `from` and `to` bound `deadLetteredAt`: inclusive, exclusive. */
export interface DeadLetterFilter {
  readonly status?: DeadLetterStatus;
  readonly topic?: string;
  readonly group?: string;
  readonly handler?: string;
  readonly transport?: string;
  readonly reason?: DeadLetterReason;
  readonly errorType?: string;
  readonly fingerprint?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly key?: string;
  readonly minAttempts?: number;
  readonly from?: number;
  readonly to?: number;
}

export interface DeadLetterPage {
  readonly items: readonly DeadLetterSummary[];
  /** Pass it as `after` to get the next page. Absent on the last one. */
  readonly next?: string;
}

/** Dead letters that failed in the same way. */
export interface DeadLetterGroup {
  readonly fingerprint: string;
  readonly topic: string;
  readonly group: string;
  readonly handler: string;
  readonly reason: DeadLetterReason;
  readonly errorType: string;
  /** Message of the newest letter of the group. */
  readonly errorMessage: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly sampleIds: readonly string[];
}

/** Stock of one (topic, group, status). */
export interface DeadLetterCount {
  readonly topic: string;
  readonly group: string;
  readonly status: DeadLetterStatus;
  readonly count: number;
  /** `deadLetteredAt` of the oldest. */
  readonly oldestAt: number;
}

/** Most that a store may hold once a dead letter is added. No limit where it is absent. */
export interface DeadLetterCeiling {
  readonly maxCount?: number | undefined;
  /** Compared with the sum of `storedBytesOf`. */
  readonly maxBytes?: number | undefined;
}

/** What a store holds. */
export interface DeadLetterUsage extends DeadLetterCeiling {
  /** Dead letters of every status. */
  readonly count: number;
  /** Sum of `storedBytesOf` over them: bodies, headers and descriptions, without what the store needs besides. */
  readonly bytes: number;
}

/** Keeps dead letters. Every method rejects with `STORE_UNAVAILABLE` when it cannot answer within its deadline. */
export interface DeadLetterStore {
  /** Only this process sees what is in it. Health shows it where messages come from a broker. @default false */
  readonly isLocal?: boolean;
  connect(): Promise<void>;
  /**
   * Keeps a letter durably before it resolves, and returns the id it is kept under.
   *
   * There is at most one letter that is not `resolved` for a (topic, group, message id): adding another overwrites it
   * under its old id, back to `failed`, so that neither a crash between storing and acknowledging nor a replay that
   * fails again doubles it. `replayCount` is kept.
   *
   * Rejects with `STORE_FULL`, and changes nothing, when the store would hold more than the ceiling allows, its own or
   * this one. One that is overwritten may always become smaller. Compares and adds in one step.
   */
  add(deadLetter: NewDeadLetter, ceiling?: DeadLetterCeiling): Promise<string>;
  find(id: string): Promise<DeadLetter | undefined>;
  /** In order of id, newest first unless asked otherwise. `limit` 1 to 200; `after` is the `next` of the same order. */
  list(
    filter: DeadLetterFilter,
    page: {
      readonly limit: number;
      readonly after?: string;
      /** Replays go oldest first, so that messages of one key arrive in the order in which they failed. */
      readonly order?: 'newest-first' | 'oldest-first';
    },
  ): Promise<DeadLetterPage>;
  count(filter: DeadLetterFilter): Promise<number>;
  /** Groups by fingerprint of what matches, largest first, at most `limit`. */
  groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]>;
  /**
   * Changes the status if it is still one of `from`, and returns the letter as it is then; `undefined` when there is
   * no such letter or its status is another. A change to `replaying` raises `replayCount`.
   */
  transition(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary | undefined>;
  /** Removes the letter permanently. False when there is no such letter, or when its revision is not the given one. */
  discard(id: string, revision?: number): Promise<boolean>;
  stats(): Promise<readonly DeadLetterCount[]>;
  /**
   * What it holds, and its own ceiling where it has one. Costs the same however many there are. Needed once the
   * application sets a limit; a store without it cannot have one.
   */
  usage?(): Promise<DeadLetterUsage>;
  close(): Promise<void>;
}
