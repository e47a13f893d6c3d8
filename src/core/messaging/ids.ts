import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Random bytes are drawn in bulk: one call of the operating system for 400 ids instead of one each. */
const BYTES_PER_ID = 10;
const pool = new Uint8Array(BYTES_PER_ID * 400);

/**
 * Makes a generator of UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits. Ids made in later
 * milliseconds sort after earlier ones as text.
 */
function createUuidV7(): (nowMs?: number) => string {
  let position = pool.length;
  let prefixMs = -1;
  let prefix = '';
  const hex = (index: number): string => HEX[pool[position + index] ?? 0] ?? '';
  return (nowMs = Date.now()) => {
    if (nowMs !== prefixMs) {
      prefixMs = nowMs;
      const time = nowMs.toString(16).padStart(12, '0');
      prefix = `${time.slice(0, 8)}-${time.slice(8, 12)}-7`;
    }
    if (position === pool.length) {
      randomFillSync(pool);
      position = 0;
    }
    const variant = HEX[0x80 | ((pool[position + 2] ?? 0) & 0x3f)] ?? '';
    const id =
      `${prefix}${hex(0).charAt(1)}${hex(1)}-${variant}${hex(3)}-` +
      `${hex(4)}${hex(5)}${hex(6)}${hex(7)}${hex(8)}${hex(9)}`;
    position += BYTES_PER_ID;
    return id;
  };
}

/** A new UUIDv7. Pass `nowMs` to place it at another time than now. */
export const uuidV7 = createUuidV7();
