import type { ControlStore } from '../ports/control-store.js';
import type { Clock } from '../ports/transport.js';
import { ControlLease } from './control-lease.js';

/** A lease that is renewed until it is released, for as long as the store answers. */
export class KeptLease {
  readonly #lease: ControlLease;
  readonly #ttlMs: number;
  #heldUntil: number;
  #isLost = false;
  #isReleased = false;
  #cancel = (): void => undefined;

  private constructor(
    lease: ControlLease,
    ttlMs: number,
    private readonly clock: Clock,
    askedAt: number,
  ) {
    this.#lease = lease;
    this.#ttlMs = ttlMs;
    this.#heldUntil = askedAt + ttlMs;
    this.#renewLater();
  }

  /** As {@link ControlLease.acquire}. */
  static async acquire(
    store: ControlStore,
    name: string,
    ttlMs: number,
    clock: Clock,
  ): Promise<KeptLease | { readonly retryAfterMs: number }> {
    const askedAt = clock.monotonic();
    const lease = await ControlLease.acquire(store, name, ttlMs);
    return lease instanceof ControlLease ? new KeptLease(lease, ttlMs, clock, askedAt) : lease;
  }

  /** Larger than that of every holder before. */
  get fence(): number {
    return this.#lease.fence;
  }

  /** Another process has it, or may have it. It does not come back. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** False while the store has not answered for the time of the lease: another process may have it. */
  get isHeld(): boolean {
    return !this.#isLost && this.clock.monotonic() <= this.#heldUntil;
  }

  /** Gives it back. Never rejects: it ends by itself. */
  async release(): Promise<void> {
    this.#isReleased = true;
    this.#cancel();
    await this.#lease.release().catch(() => undefined);
  }

  #renewLater(): void {
    if (!this.#isReleased) this.#cancel = this.clock.schedule(this.#ttlMs / 3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const askedAt = this.clock.monotonic();
    try {
      if (await this.#lease.renew()) this.#heldUntil = askedAt + this.#ttlMs;
      else this.#isLost = true;
    } catch {
      // The store does not answer; it is asked again, and isHeld ends by itself.
    }
    if (!this.#isLost) this.#renewLater();
  }
}
