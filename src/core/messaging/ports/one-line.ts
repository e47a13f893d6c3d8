/** Controls of terminals (C0, DEL, C1), controls of the direction of text, and the separators that JSON leaves raw. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * The text with its control characters as `\uXXXX`, so that text from outside can neither begin a line of its own, nor
 * command a terminal, nor turn around what is read. JSON stays the same JSON, because inside its strings this is an escape.
 */
export function onOneLine(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
