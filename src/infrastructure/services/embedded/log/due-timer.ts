import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Wakes the owners of due entries in time. Knows only the earliest time of each. */
export class DueTimer {
  readonly #earliest = new Map<number, number>();
  readonly #clock: Clock;
  readonly #wake: (ownerId: number) => void;
  #cancel: (() => void) | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;

  /**
   * @param clock one that is not set: waits are not looked at again.
   * @param wake called when an entry is due; the owner then looks, and sets the alarm again for the next.
   */
  constructor(clock: Clock, wake: (ownerId: number) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  set(ownerId: number, dueMs: number): void {
    const known = this.#earliest.get(ownerId);
    if (known !== undefined && known <= dueMs) return;
    this.#earliest.set(ownerId, dueMs);
    if (dueMs < this.#armedForMs) this.#arm(dueMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#earliest.clear();
  }

  #arm(dueMs: number): void {
    this.#cancel?.();
    this.#armedForMs = dueMs;
    // A key holds whole milliseconds: waking a little late is right, a little early would find nothing.
    const waitMs = Math.max(dueMs - this.#clock.now(), 0) + 1;
    this.#cancel = this.#clock.schedule(waitMs, () => this.#ring());
  }

  #ring(): void {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (const [ownerId, dueMs] of this.#earliest) {
      if (dueMs > now) continue;
      this.#earliest.delete(ownerId);
      this.#wake(ownerId);
    }
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#earliest.values()) next = Math.min(next, dueMs);
    if (next < this.#armedForMs) this.#arm(next);
  }
}
