import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { MOVE } from '../scripts/index.js';

/** Beyond it consumers move what is due, up to a second later. */
const MAX_TIMERS = 10_000;
/** Far below 24.8 days, the longest delay of a timer. */
const MAX_TIMER_MS = 3_600_000;
const REPEAT_MS = 1_000;

/** A sorted set, and the stream that its due messages go to. */
export interface DueQueue {
  readonly from: string;
  readonly to: string;
}

/**
 * Moves the delayed messages of this process when they are due, to the millisecond and also where no consumer runs. When the
 * process dies, consumers move them at their next heartbeat.
 */
export class DueTimers {
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: () => void }>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly clock: Clock,
  ) {}

  set(queue: DueQueue, delayMs: number): void {
    const inMs = Math.min(delayMs, MAX_TIMER_MS);
    const at = this.clock.monotonic() + inMs;
    const timer = this.#timers.get(queue.from);
    if (timer && timer.at <= at) return;
    if (!timer && this.#timers.size >= MAX_TIMERS) return;
    timer?.cancel();
    const cancel = this.clock.schedule(inMs, () => void this.#move(queue));
    this.#timers.set(queue.from, { at, cancel });
  }

  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async #move(queue: DueQueue): Promise<void> {
    this.#timers.delete(queue.from);
    try {
      const nextMs = await this.connection.run(MOVE, [queue.from, queue.to], []);
      if (typeof nextMs === 'number') this.set(queue, nextMs);
    } catch {
      if (!this.connection.isClosed) this.set(queue, REPEAT_MS);
    }
  }
}
