import { HEADER } from '../message/headers.js';
import type { DeliveryInProgress } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import type { HandlerIdentity } from '../observing/events.js';
import { pause } from '../transport-kit/backoff.js';
import type { Clock, WireMessage } from '../ports/transport.js';
import type { IdempotencyClaim, IdempotencyStore } from '../ports/idempotency-store.js';

/** A lease outlives the handler's timeout by this much, so that a slow settlement does not let a second copy in. */
const LEASE_MARGIN_MS = 10_000;
/** Lease of a handler without a timeout. Longer runs may see a second copy. */
const LEASE_WITHOUT_TIMEOUT_MS = 15 * 60_000;
/** Waits between tries while the store does not answer: 15 s in all, then the message returns to its transport. */
const STORE_RETRY_DELAYS_MS = [250, 500, 1_000, 2_000, 4_000, 7_000];

/** Makes a group handle a message once within the window, however often it is delivered. */
export class IdempotencyStep {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly clock: Clock,
    private readonly onStoreError: (entry: HandlerEntry, error: unknown) => void,
  ) {}

  /**
   * Claims the message for this handler. While the store does not answer it retries, because running without the claim
   * could handle twice. Resolves to nothing when that has lasted for 15 s.
   */
  async claim({ entry, delivery }: DeliveryInProgress): Promise<IdempotencyClaim | undefined> {
    const key = keyOf(entry, delivery.message);
    const leaseMs = entry.timeoutMs > 0 ? entry.timeoutMs + LEASE_MARGIN_MS : LEASE_WITHOUT_TIMEOUT_MS;
    for (const delayMs of [...STORE_RETRY_DELAYS_MS, undefined]) {
      try {
        return await this.store.begin(key, leaseMs);
      } catch (error) {
        this.onStoreError(entry, error);
        if (delayMs !== undefined) await pause(delayMs, this.clock);
      }
    }
    return undefined;
  }

  /**
   * Remembers the message as handled; a no-op without a claim. A store that fails now only costs the memory: the handler
   * has run.
   */
  async complete({ entry, delivery, token }: DeliveryInProgress): Promise<void> {
    if (token === undefined) return;
    try {
      await this.store.complete(keyOf(entry, delivery.message), token, entry.idempotencyWindowMs);
    } catch (error) {
      this.onStoreError(entry, error);
    }
  }

  /**
   * Releases the claim after a failure; a no-op without one. If the store fails now, the next attempt waits for the lease
   * to end.
   */
  async release({ entry, delivery, token }: DeliveryInProgress): Promise<void> {
    if (token === undefined) return;
    try {
      await this.store.release(keyOf(entry, delivery.message), token);
    } catch (error) {
      this.onStoreError(entry, error);
    }
  }
}

/** The key of a message of this producer. */
export function handledKey({ topic, group }: HandlerIdentity, source: string, messageId: string): string {
  return JSON.stringify([topic, group, source, messageId]);
}

/** The producer is part of the key: another service that reuses an id must not make ours look handled. */
function keyOf(entry: HandlerEntry, message: WireMessage): string {
  return handledKey(entry, message.headers[HEADER.source] ?? '', message.id);
}
