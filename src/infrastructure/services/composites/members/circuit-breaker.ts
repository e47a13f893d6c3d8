import { doubledMs, spreadMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { MemberOptions } from './member.options.js';

/** The breaker also opens by the share of failures: at least this share of at least this many calls within the window. */
const WINDOW_MS = 10_000;
const WINDOW_CALLS = 20;
const WINDOW_SHARE = 0.5;

export type BreakerState = 'closed' | 'open';

/** Called when the state changes, with the error that opened it. */
export type StateListener = (state: BreakerState, cause: Error | undefined) => void;

type BreakerOptions = Pick<MemberOptions, 'failuresToOpen' | 'probeIntervalMs' | 'maxProbeIntervalMs'>;

/**
 * Circuit breaker of a member: opens after failures in a row or too large a share of them, and closes again once a probe
 * succeeds. Probes continue while it is closed, so that the state of an idle member is known, too.
 */
export class CircuitBreaker {
  #state: BreakerState = 'closed';
  #failures = 0;
  #openings = 0;
  #window = { since: 0, calls: 0, failures: 0 };
  #cancel = (): void => undefined;
  #isEnded = false;
  #leftOutUntil = -Infinity;

  /** @param probe rejects unless the member could take a message now. */
  constructor(
    private readonly options: BreakerOptions,
    private readonly clock: Clock,
    private readonly probe: () => Promise<void>,
    private readonly changed: StateListener,
  ) {}

  get state(): BreakerState {
    return this.#state;
  }

  /** An operator has excluded the member. */
  get isLeftOut(): boolean {
    return this.clock.monotonic() < this.#leftOutUntil;
  }

  /** Keeps it open for `forMs`, whatever probes report. */
  leaveOut(forMs: number, error: Error): void {
    this.#leftOutUntil = this.clock.monotonic() + forMs;
    this.open(error);
  }

  /** Closed from now on, as if nothing had happened. */
  reset(): void {
    this.#leftOutUntil = -Infinity;
    this.#openings = 0;
    this.#close();
    this.#probeLater();
  }

  /** Begins to probe. */
  start(): void {
    this.#probeLater();
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel();
  }

  /** A member that was tried as a last resort and has taken a message has proved more than any probe could. */
  succeeded(): void {
    this.#failures = 0;
    this.#count(false);
    if (this.#state === 'closed' || this.isLeftOut || this.#isEnded) return;
    this.#close();
    this.#probeLater();
  }

  failed(error: Error): void {
    this.#failures += 1;
    this.#count(true);
    if (
      this.#state === 'closed' &&
      (this.#failures >= this.options.failuresToOpen || this.#isShareTooLarge())
    )
      this.open(error);
  }

  open(error: Error): void {
    if (this.#state === 'open' || this.#isEnded) return;
    this.#state = 'open';
    this.#openings += 1;
    this.changed('open', error);
    this.#probeLater();
  }

  #close(): void {
    this.#failures = 0;
    this.#window = { since: this.clock.monotonic(), calls: 0, failures: 0 };
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.changed('closed', undefined);
  }

  #count(isFailure: boolean): void {
    const now = this.clock.monotonic();
    if (now - this.#window.since > WINDOW_MS) this.#window = { since: now, calls: 0, failures: 0 };
    this.#window.calls += 1;
    if (isFailure) this.#window.failures += 1;
  }

  #isShareTooLarge(): boolean {
    const { calls, failures } = this.#window;
    return calls >= WINDOW_CALLS && failures / calls >= WINDOW_SHARE;
  }

  #probeLater(): void {
    this.#cancel();
    if (this.#isEnded) return;
    const { probeIntervalMs, maxProbeIntervalMs } = this.options;
    // Soon after it opened, then less and less often; at random, so that instances do not probe together.
    const range = { minMs: probeIntervalMs / 8, maxMs: maxProbeIntervalMs } as const;
    const pauseMs = this.#state === 'closed' ? probeIntervalMs : doubledMs(this.#openings, range);
    this.#cancel = this.clock.schedule(spreadMs(pauseMs, 0.25), () => void this.#probe());
  }

  async #probe(): Promise<void> {
    try {
      await this.probe();
      if (this.#isEnded) return;
      this.#openings = Math.max(0, this.#openings - 1);
      if (!this.isLeftOut) this.#close();
    } catch (error) {
      if (this.#isEnded) return;
      if (this.#state === 'closed') this.open(error as Error);
      else this.#openings += 1;
    }
    this.#probeLater();
  }
}
