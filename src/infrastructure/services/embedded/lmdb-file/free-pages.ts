import { FileDamage } from './file-damage.js';

/** The number of the transaction that freed the pages. */
export const FREE_KEY_BYTES = 8;
const ENTRY_BYTES = 8;

/**
 * The pages of a list of free pages: how many entries (8), then each a page, or the length of a run, negative, and its first
 * page. 0 stands for an entry that is no longer used.
 *
 * @throws FileDamage when it names a page that the file cannot have.
 */
export function* freePages(list: Buffer, lastPage: number): Generator<number> {
  const entries = entriesOf(list);
  for (let nth = 0; nth < entries.length; nth += 1) {
    const entry = entries[nth] ?? 0;
    if (entry === 0) continue;
    if (entry < 0) nth += 1;
    const [first, count] = entry < 0 ? [entries[nth] ?? 0, -entry] : [entry, 1];
    if (first < 2 || first + count - 1 > lastPage)
      throw new FileDamage(`a list names ${count} pages from page ${first}`);
    for (let page = first; page < first + count; page += 1) yield page;
  }
}

function entriesOf(list: Buffer): number[] {
  const room = Math.floor(list.length / ENTRY_BYTES) - 1;
  const count = room < 0 ? 0 : Number(list.readBigUInt64LE(0));
  if (count > room) throw new FileDamage(`a list of ${list.length} bytes has ${count} entries`);
  return Array.from({ length: count }, (_, nth) => Number(list.readBigInt64LE((nth + 1) * ENTRY_BYTES)));
}
