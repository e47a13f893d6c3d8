import { randomUUID } from 'node:crypto';
import type { ControlEntry, ControlStore } from '../ports/control-store.js';

/** Where leases are kept. */
const PREFIX = 'leases/';

/**
 * The right of one process to do something, until it releases it, or does not renew it for the time of the lease.
 *
 * Time goes by the clock of the store. A holder that was suspended for longer may still believe in its lease: whatever it
 * writes has to carry {@link fence}, and what was written with a larger one wins.
 */
export class ControlLease {
  readonly #store: ControlStore;
  readonly #ttlMs: number;
  #entry: ControlEntry;

  private constructor(
    store: ControlStore,
    entry: ControlEntry,
    ttlMs: number,
    /** Larger than that of every holder before. */
    readonly fence: number,
  ) {
    this.#store = store;
    this.#entry = entry;
    this.#ttlMs = ttlMs;
  }

  /** Resolves with the lease, or with the milliseconds until the lease of another holder ends unless it is renewed. */
  static async acquire(
    store: ControlStore,
    name: string,
    ttlMs: number,
  ): Promise<ControlLease | { readonly retryAfterMs: number }> {
    const token = randomUUID();
    const written = await store.put(PREFIX + name, token, { ifRevision: 0, ttlMs });
    if (written.kind === 'written')
      return new ControlLease(store, written.entry, ttlMs, written.entry.revision);
    return { retryAfterMs: written.entry?.expiresInMs ?? 0 };
  }

  /** Lasts for its whole time from now on. Resolves with false when it is lost. */
  async renew(): Promise<boolean> {
    const { key, value, revision } = this.#entry;
    let written = await this.#store.put(key, value, { ifRevision: revision, ttlMs: this.#ttlMs });
    // The reply of an earlier renewal may have been lost after the store had written it.
    if (written.kind === 'conflict' && written.entry?.value === value)
      written = await this.#store.put(key, value, { ifRevision: written.entry.revision, ttlMs: this.#ttlMs });
    if (written.kind === 'conflict') return false;
    this.#entry = written.entry;
    return true;
  }

  /** Gives it back. Without effect when it is lost. */
  async release(): Promise<void> {
    const { key, value, revision } = this.#entry;
    if (await this.#store.delete(key, { ifRevision: revision })) return;
    const found = await this.#store.get(key);
    if (found?.value === value) await this.#store.delete(key, { ifRevision: found.revision });
  }
}
