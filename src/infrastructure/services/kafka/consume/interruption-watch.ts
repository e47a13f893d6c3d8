import type { Clock } from '../../../../core/messaging/ports/transport.js';

const LOOK_MS = 1_000;
/** Without a failure that is known it may be a rebalance, which takes as long as the slowest of the other members. */
const PATIENCE_MS = 8_000;
const FAILED_PATIENCE_MS = 4_000;
/** A reader that fails again and again reads for a moment in between. */
const STEADY_MS = 2_000;

/** What the watch reports of a reader. */
export interface InterruptionListener {
  /** It gets no messages. Called at intervals. @param error of its last failures; undefined when there was none. */
  interrupted(error: Error | undefined): void;
  /** It gets messages, if there are any. Called at intervals. */
  reading(): void;
}

/** Notices that a reader has stopped reading, for whatever reason, and that it reads again. */
export class InterruptionWatch {
  #readAt = -Infinity;
  #failedAt = -Infinity;
  #wellAt = 0;
  #lookedAt = 0;
  #last: Error | undefined;
  /** The first one, until another one comes twice: what alternates would be reported for ever. */
  #error: Error | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Pick<Clock, 'monotonic' | 'schedule'>,
    private readonly listener: InterruptionListener,
  ) {}

  /** From now on it should read. */
  start(): void {
    if (this.#cancel) return;
    this.#wellAt = this.#lookedAt = this.clock.monotonic();
    this.#later();
  }

  /** It does not have to read any more. */
  end(): void {
    if (!this.#cancel) return;
    this.#cancel();
    this.#cancel = undefined;
    this.listener.reading();
  }

  /** A broker has answered a request for messages, or it has no room for more. */
  read(): void {
    this.#readAt = this.clock.monotonic();
  }

  failed(error: Error): void {
    this.#failedAt = this.clock.monotonic();
    if (this.#error === undefined || error.message === this.#last?.message) this.#error = error;
    this.#last = error;
  }

  #later(): void {
    this.#cancel = this.clock.schedule(LOOK_MS, () => {
      this.#later();
      this.#look(this.clock.monotonic());
    });
  }

  #look(now: number): void {
    const wasAsleep = now - this.#lookedAt > 3 * LOOK_MS; // this process had no turn: it cannot have read
    this.#lookedAt = now;
    const isWell = now - this.#readAt <= STEADY_MS && now - this.#failedAt > STEADY_MS;
    if (isWell) this.#error = this.#last = undefined;
    if (isWell || wasAsleep) this.#wellAt = now;
    const patienceMs = this.#error === undefined ? PATIENCE_MS : FAILED_PATIENCE_MS;
    if (isWell) this.listener.reading();
    else if (now - this.#wellAt > patienceMs) this.listener.interrupted(this.#error);
  }
}
