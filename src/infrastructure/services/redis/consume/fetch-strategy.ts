import type { InFlightEntry } from '../wire/stream-entry.js';
import { FENCED, type RedisGroup } from './redis-group.js';
import { BLOCK_MS } from './redis-reader.js';

/** What an intake has to know of its consumer. */
export interface Capacity {
  /** How many entries it can take now. */
  free(): number;
  /** Sends what is settled, so that it travels with what the intake sends next. */
  settle(): void;
}

/** How a consumer gets its entries. */
export interface FetchStrategy {
  /** Resolves with none when there were none for a while. */
  take(demand: Capacity): Promise<typeof FENCED | readonly InFlightEntry[]>;
  /** The server answers soon, whether there is something or not. */
  readonly isAhead: boolean;
}

/** Reading ahead for fewer than so many is not faster. */
const WORTH_HALVING = 16;

interface Read {
  readonly count: number;
  readonly items: Promise<readonly InFlightEntry[]>;
}

/**
 * Entries in the order of their streams, to whoever asks first. The server counts for each of the two streams: while the
 * group's own has something, each gets half of the room.
 *
 * While there is a backlog, half of the slots are read for at a time, and the next half before the one that came is handled:
 * server and client would only wait for each other otherwise. Of what is read no more than the concurrency is ever in hand.
 */
export function readInTurn(group: RedisGroup, concurrency: number): FetchStrategy {
  const half = concurrency >> 1;
  let hasOwn = false;
  let isBacklog = false;
  let ahead: Read | undefined;

  const countFor = (room: number): number => {
    const count = isBacklog && concurrency >= WORTH_HALVING ? Math.min(room, half) : room;
    return hasOwn ? Math.max(1, count >> 1) : count;
  };
  const readAhead = (count: number): Read => {
    const items = group.readAhead(count);
    items.catch(() => undefined); // told to whoever asks next
    return { count, items };
  };
  return {
    get isAhead() {
      return ahead !== undefined;
    },
    async take(demand) {
      try {
        const room = countFor(demand.free());
        const { count, items } = ahead ?? { count: room, items: group.read(room, BLOCK_MS) };
        const read = await items;
        ahead = undefined;
        isBacklog = read.length >= count;
        hasOwn = read.some(({ origin }) => origin.source === 2);
        if (isBacklog && concurrency >= WORTH_HALVING && demand.free() - read.length >= half) {
          demand.settle();
          ahead = readAhead(countFor(half));
        }
        return read;
      } catch (error) {
        ahead = undefined; // whoever goes on asks the server for all that it has handed out
        throw error;
      }
    },
  };
}

/** Entries whose keys nobody has in hand. Waits for new ones when there is none. */
export function takeByKey(group: RedisGroup): FetchStrategy {
  return {
    isAhead: false,
    async take(demand) {
      const taken = await group.take(demand.free());
      if (taken === FENCED || taken.items.length > 0) return taken === FENCED ? FENCED : taken.items;
      if (!taken.more) await group.wake(taken.last, BLOCK_MS);
      return [];
    },
  };
}
