const MAX_FAILURES = 20;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/** The keys that failed in the last minute, by address. Times are monotonic milliseconds. */
export class FailedKeys {
  /** Those that failed longest ago come first. */
  readonly #failures = new Map<string, readonly number[]>();

  /** Time until the address may try again; 0 when it may now. */
  blockedForMs(address: string, now: number): number {
    const recent = this.#recent(address, now);
    return recent.length < MAX_FAILURES ? 0 : (recent[0] ?? now) + WINDOW_MS - now;
  }

  add(address: string, now: number): void {
    const recent = this.#recent(address, now);
    if (recent.length >= MAX_FAILURES) return;
    this.#failures.delete(address);
    this.#failures.set(address, [...recent, now]);
    if (this.#failures.size <= MAX_ADDRESSES) return;
    const [oldest = address] = this.#failures.keys();
    this.#failures.delete(oldest);
  }

  get addresses(): number {
    return this.#failures.size;
  }

  #recent(address: string, now: number): readonly number[] {
    return (this.#failures.get(address) ?? []).filter((at) => at > now - WINDOW_MS);
  }
}
