import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { InFlightEntry } from '../wire/stream-entry.js';
import type { RedisGroup } from './redis-group.js';

const REPEAT_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;

/**
 * Hands entries of a newer version back to the group, where a process of that version takes them over. Until the server has
 * confirmed it they stay in flight here.
 */
export class NewerEntries {
  #entries: InFlightEntry[] = [];
  #isRunning = false;
  #isClosed = false;

  constructor(
    private readonly group: Pick<RedisGroup, 'setAside'>,
    /** Called with entries that are set aside, or no longer ours. */
    private readonly onAside: (entries: readonly InFlightEntry[]) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  add(entries: readonly InFlightEntry[]): void {
    this.#entries.push(...entries);
    if (!this.#isRunning) void this.#run();
  }

  close(): void {
    this.#isClosed = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let failures = 0; this.#entries.length > 0 && !this.#isClosed;) {
      const entries = this.#entries.slice(0, MAX_BATCH);
      try {
        await this.group.setAside(entries);
        this.#entries = this.#entries.slice(entries.length);
        this.onAside(entries);
        failures = 0;
      } catch (error) {
        this.failed(error);
        await pause(backoffMs(failures++, REPEAT_BACKOFF));
      }
    }
    this.#isRunning = false;
  }
}

const MAX_BATCH = 250;
