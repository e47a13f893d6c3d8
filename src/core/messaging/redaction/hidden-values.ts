import { MARK } from './masked-value.js';

/** A shorter one would be found in any text. */
const MIN_LENGTH = 4;
/** A shorter one counts only where it stands alone. */
const MIN_INSIDE_WORDS = 8;
/** Each is searched for in each text, so their number bounds the time. */
const MAX_VALUES = 100;
/** Ends texts that were cut. */
const ELLIPSIS = '…';

/** Values that a message has at hidden places. They are hidden wherever else they occur. */
export class HiddenValues {
  readonly #values = new Set<string>();
  #ordered: readonly string[] | undefined;
  #isOverfull = false;

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** True when there were too many to search for. Texts that may quote the message are not shown then. */
  get isOverfull(): boolean {
    return this.#isOverfull;
  }

  add(value: string): void {
    const text = value.trim();
    if (text.length < MIN_LENGTH || text === MARK || this.#values.has(text)) return;
    if (this.#values.size >= MAX_VALUES) {
      this.#isOverfull = true;
      return;
    }
    this.#ordered = undefined;
    this.#values.add(text);
  }

  /** The text without the values, also where they are written as in JSON or in a URL, or cut off at its end. */
  hideIn(text: string): string {
    if (this.isEmpty || text.length < MIN_LENGTH) return text;
    let shown = text;
    for (const value of (this.#ordered ??= this.#inOrder())) shown = hide(value, shown);
    return shown.endsWith(ELLIPSIS) ? this.#withoutCutOff(shown) : shown;
  }

  /** Longest first, so that none hides a part of another one and leaves the rest. */
  #inOrder(): readonly string[] {
    const forms = [...this.#values].flatMap(formsOf);
    return [...new Set(forms)].sort((one, other) => other.length - one.length);
  }

  #withoutCutOff(text: string): string {
    const end = text.length - ELLIPSIS.length;
    for (const value of this.#ordered ?? []) {
      for (let length = Math.min(value.length - 1, end); length >= MIN_LENGTH; length--) {
        const at = end - length;
        if (text.charCodeAt(at) === value.charCodeAt(0) && value.startsWith(text.slice(at, end)))
          return `${text.slice(0, at)}${MARK}${ELLIPSIS}`;
      }
    }
    return text;
  }
}

function formsOf(value: string): string[] {
  return [value, JSON.stringify(value).slice(1, -1), ...inUrl(value)];
}

/** Half a character has no form in a URL. */
function inUrl(value: string): string[] {
  try {
    return [encodeURIComponent(value)];
  } catch {
    return [];
  }
}

function hide(value: string, text: string): string {
  if (!text.includes(value)) return text;
  if (value.length >= MIN_INSIDE_WORDS) return text.replaceAll(value, MARK);
  const alone = new RegExp(`(?<![\\p{L}\\p{N}])${escaped(value)}(?![\\p{L}\\p{N}])`, 'gu');
  return text.replace(alone, () => MARK);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
