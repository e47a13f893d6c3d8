import type { InHand } from './redis-entry.js';
import { DEAD, type RedisGroup } from './redis-group.js';
import { BLOCK_MS } from './redis-reader.js';

/** How a consumer gets its entries. Resolves with none when there were none for a while. */
export type Intake = (room: number) => Promise<typeof DEAD | readonly InHand[]>;

/**
 * Entries in the order of their streams, to whoever asks first. The server counts for each of the two streams: while the
 * group's own has something, each gets half of the room.
 */
export function readInTurn(group: RedisGroup): Intake {
  let hasOwn = false;
  return async (room) => {
    const items = await group.read(hasOwn ? Math.max(1, room >> 1) : room, BLOCK_MS);
    hasOwn = items.some(({ origin }) => origin.source === 2);
    return items;
  };
}

/** Entries whose keys nobody has in hand. Waits for new ones when there is none. */
export function takeByKey(group: RedisGroup): Intake {
  return async (room) => {
    const taken = await group.take(room);
    if (taken === DEAD || taken.items.length > 0) return taken === DEAD ? DEAD : taken.items;
    if (!taken.more) await group.wake(taken.last, BLOCK_MS);
    return [];
  };
}
