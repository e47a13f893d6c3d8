import type { InFlightEntry } from '../wire/stream-entry.js';
import { FENCED, type RedisGroup } from './redis-group.js';
import { BLOCK_MS } from './redis-reader.js';

/** What a fetch strategy needs of its consumer. */
export interface Capacity {
  /** Free slots. */
  free(): number;
  /** Sends the settlements that wait, so that they travel with the next read. */
  settle(): void;
}

/** How a consumer fetches its entries. */
export interface FetchStrategy {
  /** Resolves with an empty list when nothing arrived for a while. */
  take(capacity: Capacity): Promise<typeof FENCED | readonly InFlightEntry[]>;
  /** A read is in flight that the server answers at once, with entries or without. */
  readonly isAhead: boolean;
}

/** With fewer slots, reading ahead is not faster. */
const MIN_READ_AHEAD_SLOTS = 16;

interface Read {
  readonly count: number;
  readonly items: Promise<readonly InFlightEntry[]>;
}

/**
 * Entries in the order of their streams, for the consumer that asks first. COUNT applies to each of the two streams: while the
 * group's own stream has entries, each gets half of the free slots.
 *
 * While there is a backlog, a read asks for half of the slots, and the next read leaves before the entries of the last one are
 * handled, because otherwise server and client would wait for each other. No more entries than the concurrency are in flight.
 */
export function readInTurn(group: RedisGroup, concurrency: number): FetchStrategy {
  const half = concurrency >> 1;
  let hasOwn = false;
  let isBacklog = false;
  let ahead: Read | undefined;

  const countFor = (room: number): number => {
    const count = isBacklog && concurrency >= MIN_READ_AHEAD_SLOTS ? Math.min(room, half) : room;
    return hasOwn ? Math.max(1, count >> 1) : count;
  };
  const readAhead = (count: number): Read => {
    const items = group.readAhead(count);
    items.catch(() => undefined); // the next `take` rejects with it
    return { count, items };
  };
  return {
    get isAhead() {
      return ahead !== undefined;
    },
    async take(capacity) {
      try {
        const room = countFor(capacity.free());
        const { count, items } = ahead ?? { count: room, items: group.read(room, BLOCK_MS) };
        const read = await items;
        ahead = undefined;
        isBacklog = read.length >= count;
        hasOwn = read.some(({ origin }) => origin.source === 2);
        if (isBacklog && concurrency >= MIN_READ_AHEAD_SLOTS && capacity.free() - read.length >= half) {
          capacity.settle();
          ahead = readAhead(countFor(half));
        }
        return read;
      } catch (error) {
        ahead = undefined; // the consumer then asks the server for all entries that it has delivered
        throw error;
      }
    },
  };
}

/**
 * Entries whose keys are not in flight in any process. Waits for new ones when there are none.
 *
 * @param onDiscarded called with the number of foreign members that the server removed from the set of waiting entries.
 */
export function takeByKey(group: RedisGroup, onDiscarded: (count: number) => void): FetchStrategy {
  return {
    isAhead: false,
    async take(capacity) {
      const taken = await group.take(capacity.free());
      if (taken === FENCED) return FENCED;
      onDiscarded(taken.discarded);
      if (taken.items.length > 0) return taken.items;
      if (!taken.more) await group.wake(taken.last, BLOCK_MS);
      return [];
    },
  };
}
