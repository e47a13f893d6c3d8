import { MARK, maskedText } from './masked-value.js';
import type { RedactionAction } from './redaction-options.js';

/** A name before ":" or "=", with the quotes that JSON or a log puts around it. */
const NAME = /(?<![\w.-])([A-Za-z_][\w.-]{0,255})(\\?["'`]?\s{0,4}([:=])(\s{0,4}))/g;
/** What follows a name: a scheme with its credentials, a quoted text, also inside a quoted one, or a word. */
const VALUE =
  /(?:bearer|basic|digest|negotiate)\s{1,4}[^\s"',;]+|\\"[^"\\]*(?:\\"?)|"[^"\\]*(?:\\.[^"\\]*)*"?|'[^'\\]*(?:\\.[^'\\]*)*'?|[^\s"',;&<>(){}[\]\\]+/iy;

const CREDENTIALS = /\b(bearer|basic)(\s{1,4})(?=[^\s]{0,200}[\d+/=._~-])[A-Za-z0-9+/=._~-]{8,}/gi;
const USER_INFO = /([a-z][a-z0-9+.-]{0,31}:\/\/[^\s:@/"']{0,256}):[^\s@/"']{1,1024}@/gi;

/** How a name is treated; undefined where its value is shown. */
export type ActionOfName = (name: string) => RedactionAction | undefined;

/**
 * A free text without the values that it gives hidden names: `password=…`, `"token":"…"`, `apiKey: 'a b'`. Behind a colon
 * and a space, a word counts as a value only with a digit in it, because "token: expired" is a sentence.
 */
export function maskText(text: string, actionOf: ActionOfName): string {
  if (!/[:=]/.test(text)) return text;
  let shown = '';
  let copied = 0;
  NAME.lastIndex = 0;
  for (let found = NAME.exec(text); found; found = NAME.exec(text)) {
    const action = actionOf(found[1] ?? '');
    if (action === undefined || action === 'keep') continue;
    const from = NAME.lastIndex;
    const value = valueAt(text, from, found);
    if (value === undefined) continue;
    shown += text.slice(copied, from) + maskedLike(value, action);
    copied = from + value.length;
    NAME.lastIndex = copied;
  }
  return shown + text.slice(copied);
}

/** A text without what the protocols themselves mark as credentials: bearer tokens, and passwords of URLs. */
export function maskCredentials(text: string): string {
  const shown = /bearer|basic/i.test(text) ? text.replace(CREDENTIALS, `$1$2${MARK}`) : text;
  return shown.includes('://') ? shown.replace(USER_INFO, `$1:${MARK}@`) : shown;
}

function valueAt(text: string, from: number, [, , , separator, space]: RegExpExecArray): string | undefined {
  VALUE.lastIndex = from;
  const value = VALUE.exec(text)?.[0];
  const isSentence = separator === ':' && space !== '' && value !== undefined && isProse(value);
  return isSentence ? undefined : value;
}

function isProse(value: string): boolean {
  return !/^\\?["']/.test(value) && !/\d/.test(value) && !/\s/.test(value);
}

function maskedLike(value: string, action: RedactionAction): string {
  const [quote = ''] = /^\\?["']/.exec(value) ?? [];
  if (quote === '') return maskedText(value, action);
  const isClosed = value.length >= 2 * quote.length && value.endsWith(quote);
  const inside = value.slice(quote.length, isClosed ? -quote.length : undefined);
  return `${quote}${maskedText(inside, action)}${isClosed ? quote : ''}`;
}
