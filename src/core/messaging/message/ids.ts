import { randomFillSync } from 'node:crypto';

const HEX_DIGITS = Buffer.from('0123456789abcdef');

/** Random bytes are drawn in bulk: one call of the operating system for 400 ids instead of one each. */
const BYTES_PER_ID = 10;
const VERSION_AT = 14;
const VARIANT_AT = 19;
const DASHES_AT = [8, 13, 18, 23];
/** Where the digits of the random part go: all after the version but the variant's digit and the dashes. */
const RANDOM_AT = Array.from({ length: 36 }, (_, index) => index).filter(
  (index) => index > VERSION_AT && index !== VARIANT_AT && !DASHES_AT.includes(index),
);

/**
 * Makes a generator of UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits. Ids made in later
 * milliseconds sort after earlier ones as text.
 */
function createUuidV7(): (nowMs?: number) => string {
  const pool = new Uint8Array(BYTES_PER_ID * 400);
  // Written in place and read as one flat string: joining pieces leaves ropes for others to flatten.
  const text = Buffer.alloc(36, '-');
  const digit = (value: number): number => HEX_DIGITS[value & 15] ?? 0;
  let position = pool.length;
  let textMs = -1;
  text.write('7', VERSION_AT, 'latin1');
  return (nowMs = Date.now()) => {
    if (nowMs !== textMs) {
      textMs = nowMs;
      const time = nowMs.toString(16).padStart(12, '0');
      text.write(time.slice(0, 8), 0, 'latin1');
      text.write(time.slice(8, 12), 9, 'latin1');
    }
    if (position === pool.length) {
      randomFillSync(pool);
      position = 0;
    }
    for (let index = 0; index < RANDOM_AT.length; index++) {
      const byte = pool[position + (index >> 1)] ?? 0;
      text[RANDOM_AT[index] ?? 0] = digit(index & 1 ? byte >> 4 : byte);
    }
    // Ten bytes have twenty digits; the 18 random ones leave the last byte for the variant.
    text[VARIANT_AT] = digit(8 | ((pool[position + 9] ?? 0) & 3));
    position += BYTES_PER_ID;
    return text.toString('latin1', 0, 36);
  };
}

/** A new UUIDv7. Pass `nowMs` to place it at another time than now. */
export const uuidV7 = createUuidV7();
