import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Four beats a lease: three may be lost. */
const BEATS = 4;
const MAX_MS = 1_000;
/** Not more often, however many things are due. */
const LEAST_MS = 10;

/** Calls something again and again while a consumer lives, and besides when something is due. One call at a time. */
export class Heartbeat {
  readonly #usualMs: number;
  #nextAt = 0;
  #cancel: (() => void) | undefined;
  #isBeating = false;
  #isStopped = false;

  /** @param beat resolves with the milliseconds until something is due, if it is. What it rejects with is ignored: there is a next time. */
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

  /** Beats when this time is over, if it would not before. */
  expect(delayMs: number): void {
    const inMs = Math.max(LEAST_MS, delayMs + 1);
    if (this.#isBeating || this.#nextAt - this.clock.monotonic() > inMs) this.#schedule(inMs);
  }

  #schedule(inMs: number): void {
    if (this.#isStopped) return;
    const at = this.clock.monotonic() + inMs;
    if (this.#isBeating) {
      this.#nextAt = Math.min(this.#nextAt, at); // the beat under way looks at it when it is done
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
    this.#schedule(Math.max(LEAST_MS, Math.min(this.#usualMs, dueMs ?? this.#usualMs, expectedMs)));
  }
}
