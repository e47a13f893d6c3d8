import type { RedactionAction } from './redaction-options.js';

/** Stands for what is not shown, however long it is. */
export const MARK = '***';

const SHOWN_OF_LONG = { from: 16, characters: 4 } as const;
const SHOWN_OF_SHORT = { from: 8, characters: 2 } as const;

/** The text that stands for a value. `mask` shows the last 4 characters of 16 and more, and the last 2 of 8 and more. */
export function maskedText(value: string, action: RedactionAction): string {
  if (action !== 'mask') return MARK;
  // By code point, because half a character is none.
  const characters = Array.from(value.slice(-2 * SHOWN_OF_LONG.from));
  const shown = [SHOWN_OF_LONG, SHOWN_OF_SHORT].find(({ from }) => characters.length >= from);
  return shown ? MARK + characters.slice(-shown.characters).join('') : MARK;
}
