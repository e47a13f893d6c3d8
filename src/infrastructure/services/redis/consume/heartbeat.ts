import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Four beats a lease: three may be lost. */
const BEATS = 4;
const MAX_MS = 1_000;
/** Shortest interval, also when much is due. */
const MIN_MS = 10;

/** Calls `beat` at an interval while a consumer runs, and earlier when something is due. One call at a time. */
export class Heartbeat {
  readonly #usualMs: number;
  #nextAt = 0;
  #cancel: (() => void) | undefined;
  #isBeating = false;
  #isStopped = false;

  /** @param beat resolves with the milliseconds until something is due. A rejection is ignored: the next beat tries again. */
  constructor(
    private readonly clock: Clock,
    leaseMs: number,
    private readonly beat: () => Promise<number | undefined>,
  ) {
    this.#usualMs = Math.min(MAX_MS, leaseMs / BEATS);
  }

  /** Beats at once. */
  start(): void {
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** Beats after this time at the latest. */
  expect(delayMs: number): void {
    const inMs = Math.max(MIN_MS, delayMs + 1);
    if (this.#isBeating || this.#nextAt - this.clock.monotonic() > inMs) this.#schedule(inMs);
  }

  #schedule(inMs: number): void {
    if (this.#isStopped) return;
    const at = this.clock.monotonic() + inMs;
    if (this.#isBeating) {
      this.#nextAt = Math.min(this.#nextAt, at); // the running beat uses it when it ends
      return;
    }
    this.#cancel?.();
    this.#nextAt = at;
    this.#cancel = this.clock.schedule(inMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#isBeating = true;
    this.#nextAt = this.clock.monotonic() + this.#usualMs;
    let dueMs: number | undefined;
    try {
      dueMs = await this.beat();
    } catch {
      // the next beat is another try
    }
    this.#isBeating = false;
    const expectedMs = this.#nextAt - this.clock.monotonic();
    this.#schedule(Math.max(MIN_MS, Math.min(this.#usualMs, dueMs ?? this.#usualMs, expectedMs)));
  }
}
