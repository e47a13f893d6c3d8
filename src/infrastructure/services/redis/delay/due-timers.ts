import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { RedisConnection } from '../connection/redis-connection.js';
import { MOVE } from '../scripts/index.js';

/** Beyond it consumers find what is due, which is up to a second later. */
const MAX_TIMERS = 10_000;
/** Timers take no more than 24.8 days. */
const LONGEST_MS = 3_600_000;
const REPEAT_MS = 1_000;

/** A sorted set, and the stream that what is due in it goes to. */
export interface DueQueue {
  readonly from: string;
  readonly to: string;
}

/**
 * Moves what this process has published with a delay when it is due, to the millisecond and also where no consumer lives.
 * Should the process die, consumers do it at their next heartbeat.
 */
export class DueTimers {
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: () => void }>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly clock: Clock,
  ) {}

  set(queue: DueQueue, delayMs: number): void {
    const inMs = Math.min(delayMs, LONGEST_MS);
    const at = this.clock.monotonic() + inMs;
    const alarm = this.#timers.get(queue.from);
    if (alarm && alarm.at <= at) return;
    if (!alarm && this.#timers.size >= MAX_TIMERS) return;
    alarm?.cancel();
    const cancel = this.clock.schedule(inMs, () => void this.#ring(queue));
    this.#timers.set(queue.from, { at, cancel });
  }

  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async #ring(queue: DueQueue): Promise<void> {
    this.#timers.delete(queue.from);
    try {
      const nextMs = await this.connection.run(MOVE, [queue.from, queue.to], []);
      if (typeof nextMs === 'number') this.set(queue, nextMs);
    } catch {
      if (!this.connection.isClosed) this.set(queue, REPEAT_MS);
    }
  }
}
