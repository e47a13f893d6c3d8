import type { Clock } from '../ports/transport.js';
import type { Departure } from './departure.js';

/** So many starts in each window. */
export interface RateWindow {
  readonly starts: number;
  readonly windowMs: number;
}

/** The window of a rate: a second, or longer for less than one whole start a second. */
function windowOf(ratePerSecond: number): RateWindow {
  const starts = Math.max(1, Math.ceil(ratePerSecond));
  return { starts, windowMs: Math.ceil((starts * 1_000) / ratePerSecond) };
}

/** A share of the current window: so many starts now, or how long until it is worth asking again. */
export interface Share {
  readonly granted: number;
  readonly retryAfterMs: number;
}

/** Who may start how much, over one process or over all that share a store. */
export interface RateAllotment {
  /** Never rejects. */
  take(wanted: number, window: RateWindow): Promise<Share>;
}

/** Part of a window that is taken at a time, so that processes share it. */
const SHARES = 8;

/** Lets deliveries of one handler start at a rate that may change. Those that must wait start in the order in which they came. */
export class StartRate {
  readonly #waiting = new Set<() => void>();
  readonly #allotment: RateAllotment;
  readonly #clock: Clock;
  #window: RateWindow | undefined;
  #granted = 0;
  #grantedUntil = 0;
  #isTaking = false;

  constructor(allotment: RateAllotment, clock: Clock) {
    this.#allotment = allotment;
    this.#clock = clock;
  }

  get isSet(): boolean {
    return this.#window !== undefined;
  }

  /** Without a rate, everything that waits starts. */
  set(ratePerSecond: number | undefined): void {
    this.#window = ratePerSecond === undefined ? undefined : windowOf(ratePerSecond);
    this.#granted = 0;
    if (this.#window) return;
    for (const start of this.#waiting) start();
    this.#waiting.clear();
  }

  /** Resolves when the delivery may start: in its turn, or because its consumer ends, which nothing must hold up. */
  enter(departure: Departure): Promise<void> | undefined {
    if (!this.#window || departure.isGone) return undefined;
    if (this.#waiting.size === 0 && this.#hasGrant()) return undefined;
    return new Promise((resolve) => {
      const start = (): void => {
        forget();
        this.#waiting.delete(start);
        resolve();
      };
      this.#waiting.add(start);
      const forget = departure.onLeave(start);
      void this.#take();
    });
  }

  #hasGrant(): boolean {
    if (this.#granted === 0 || this.#clock.monotonic() >= this.#grantedUntil) return false;
    this.#granted -= 1;
    return true;
  }

  async #take(): Promise<void> {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (this.#window && this.#waiting.size > 0) {
        const window = this.#window;
        const wanted = Math.max(1, Math.ceil(window.starts / SHARES));
        const { granted, retryAfterMs } = await this.#allotment.take(wanted, window);
        // Another rate may apply by now; what was granted under the one before is forgotten.
        if (this.#isWindow(window)) this.#grant(granted, retryAfterMs);
        if (granted === 0) await this.#pause(retryAfterMs);
      }
    } finally {
      this.#isTaking = false;
    }
  }

  /** A method, so that TypeScript does not narrow the field across an await. */
  #isWindow(window: RateWindow): boolean {
    return this.#window === window;
  }

  #grant(granted: number, leftMs: number): void {
    this.#granted = granted;
    this.#grantedUntil = this.#clock.monotonic() + leftMs;
    for (const start of [...this.#waiting].slice(0, granted)) {
      this.#granted -= 1;
      start();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(Math.max(1, delayMs), resolve));
  }
}

/** The windows of one process. */
export class ProcessAllotment implements RateAllotment {
  #used = 0;
  #endsAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  take(wanted: number, { starts, windowMs }: RateWindow): Promise<Share> {
    const now = this.clock.monotonic();
    if (now >= this.#endsAt) {
      this.#used = 0;
      this.#endsAt = now + windowMs;
    }
    const granted = Math.max(0, Math.min(wanted, starts - this.#used));
    this.#used += granted;
    return Promise.resolve({ granted, retryAfterMs: this.#endsAt - now });
  }
}
