/** What `begin` found. Only the holder of `token` may complete or release. */
export type IdempotencyClaim =
  | { readonly kind: 'fresh'; readonly token: string }
  /** Handled before, within the window. */
  | { readonly kind: 'done' }
  /** Claimed by another delivery whose lease still runs; `retryAfterMs` until it ends. */
  | { readonly kind: 'busy'; readonly retryAfterMs: number };

/**
 * Remembers which messages were handled. Every method rejects with `STORE_UNAVAILABLE` when it cannot answer, and with
 * `STORE_FULL` when it has no room.
 */
export interface IdempotencyStore {
  /** Only this process sees what is in it. Health shows it where messages come from a broker. @default false */
  readonly isLocal?: boolean;
  connect(): Promise<void>;
  /**
   * Claims `key` for `leaseMs`. A lease that runs out makes the key claimable again, which is how the claim of a
   * process that died is taken over.
   */
  begin(key: string, leaseMs: number): Promise<IdempotencyClaim>;
  /**
   * Whether `key` is done, or claimed by a delivery whose lease runs, without a claim of its own. Undefined where neither is known.
   * Without it the store cannot be asked for one message.
   */
  find?(key: string): Promise<'done' | 'busy' | undefined>;
  /** Remembers `key` as done for `windowMs`. Without effect when the claim was lost meanwhile. */
  complete(key: string, token: string, windowMs: number): Promise<void>;
  /** Gives the claim back, so that the next delivery runs. Without effect when the claim was lost meanwhile. */
  release(key: string, token: string): Promise<void>;
  close(): Promise<void>;
}
