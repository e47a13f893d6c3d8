import type { ControlEntry, ControlStore } from '../ports/control-store.js';
import type { Clock } from '../ports/transport.js';
import { ProcessAllotment, type RateAllotment, type RateWindow, type Share } from '../delivery/start-rate.js';
import type { GroupPlace } from './subscription-limits.js';
import { withDeadline } from '../transport-kit/deadline.js';

/** Longest wait for the store before the process goes by windows of its own. */
const STORE_DEADLINE_MS = 2_000;
/** Tries against other processes that take from the same window. */
const MAX_CONFLICTS = 5;
const CONFLICT_DELAY_MS = 20;

/**
 * The windows of a group over all processes that share a store: an entry of the store counts what was taken, and expires
 * with the window by the clock of the store.
 *
 * While the store does not answer, the process goes by windows of its own.
 */
class SharedAllotment implements RateAllotment {
  readonly #own: ProcessAllotment;

  /** @param key where the window is stored. */
  constructor(
    private readonly store: ControlStore,
    private readonly key: string,
    private readonly clock: Clock,
  ) {
    this.#own = new ProcessAllotment(clock);
  }

  async take(wanted: number, window: RateWindow): Promise<Share> {
    try {
      const late = (): Error => new Error('The control store did not answer in time.');
      return await withDeadline(this.#take(wanted, window), STORE_DEADLINE_MS, late, this.clock);
    } catch {
      return this.#own.take(wanted, window);
    }
  }

  async #take(wanted: number, { starts, windowMs }: RateWindow): Promise<Share> {
    // Part of the value, so that a window of another rate is not continued.
    const mark = `${starts}/${windowMs}:`;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const entry = await this.store.get(this.key);
      const { used, leftMs } = readWindow(entry, mark) ?? { used: 0, leftMs: windowMs };
      const granted = Math.max(0, Math.min(wanted, starts - used));
      if (granted === 0) return { granted, retryAfterMs: leftMs };
      const options = { ifRevision: entry?.revision ?? 0, ttlMs: leftMs };
      const written = await this.store.put(this.key, mark + String(used + granted), options);
      if (written.kind === 'written') return { granted, retryAfterMs: leftMs };
    }
    return { granted: 0, retryAfterMs: CONFLICT_DELAY_MS };
  }
}

/** Who shares the rate of a group: all that use the same store, and this process alone where it has one of its own. */
export function allotmentsOf(
  store: ControlStore,
  clock: Clock,
): ((place: GroupPlace) => RateAllotment) | undefined {
  if (store.isLocal === true) return undefined;
  return ({ topic, group }) => new SharedAllotment(store, `rates/${topic}/${group}`, clock);
}

/** What was taken of the window that is stored. Undefined when there is none, or one of another rate. */
function readWindow(
  entry: ControlEntry | undefined,
  mark: string,
): { readonly used: number; readonly leftMs: number } | undefined {
  if (!entry?.value.startsWith(mark)) return undefined;
  return {
    used: Number(entry.value.slice(mark.length)),
    leftMs: Math.max(1, Math.ceil(entry.expiresInMs ?? 1)),
  };
}
