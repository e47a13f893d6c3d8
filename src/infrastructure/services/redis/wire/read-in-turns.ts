import { setImmediate as turn } from 'node:timers/promises';
import { InFlightEntry, type Origin } from './stream-entry.js';

/** Largest size of the entries that are read in one turn of the event loop; a larger entry has a turn of its own. */
const TURN_BYTES = 256 * 2 ** 10;
/** What a field costs besides its bytes. */
const FIELD_BYTES = 64;

/** An entry as the server replies it. */
export interface UnreadEntry {
  readonly origin: Origin;
  readonly id: Buffer;
  readonly fields: readonly Buffer[];
  readonly crashes: number;
}

/** Reads entries of a reply. Large ones take several turns, because a hundred of them would block everything else meanwhile. */
export async function readInTurns(entries: readonly UnreadEntry[]): Promise<InFlightEntry[]> {
  const items: InFlightEntry[] = [];
  let bytes = 0;
  for (const { origin, id, fields, crashes } of entries) {
    const size = sizeOf(fields);
    if (bytes > 0 && bytes + size > TURN_BYTES) {
      await turn();
      bytes = 0;
    }
    bytes += size;
    items.push(new InFlightEntry(origin, id, fields, crashes));
  }
  return items;
}

function sizeOf(fields: readonly Buffer[]): number {
  let size = fields.length * FIELD_BYTES;
  for (const field of fields) size += field.length;
  return size;
}
