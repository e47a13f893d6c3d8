import type { FieldRules, Trail } from './field-rules.js';
import type { HiddenValues } from './hidden-values.js';
import { MARK, maskedText } from './masked-value.js';
import type { RedactionAction } from './redaction-options.js';

/** Deeper levels are not looked at, so the text is not shown. */
const MAX_DEPTH = 64;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/** What is done with the texts of a payload. */
export interface TextTreatment {
  readonly rules: FieldRules;
  /** Receives the values of hidden fields. */
  readonly hidden: HiddenValues;
  /** What is shown of a text at a place that is not hidden. */
  readonly show: (text: string) => string;
}

/** The text is no JSON, or too deep. */
class UnreadableJson extends Error {}

/**
 * JSON without its hidden fields, in one line, with numbers and texts written as they were. Undefined for a text that is
 * no JSON or is nested deeper than 64 levels. Reads the text once, so that the time depends on its length alone.
 */
export function maskJson(json: string, treatment: TextTreatment): string | undefined {
  try {
    return new JsonMasker(json, treatment).masked();
  } catch (error) {
    if (error instanceof UnreadableJson) return undefined;
    throw error;
  }
}

class JsonMasker {
  #at = 0;

  constructor(
    private readonly json: string,
    private readonly treatment: TextTreatment,
  ) {}

  masked(): string {
    const { root } = this.treatment.rules;
    const shown = this.#value(root, 0);
    this.#skipSpace();
    if (this.#at < this.json.length) throw new UnreadableJson();
    return shown;
  }

  #value(trail: Trail, depth: number): string {
    this.#skipSpace();
    switch (this.json[this.#at] ?? '') {
      case '{':
        return this.#object(trail, depth);
      case '[':
        return this.#list(trail, depth);
      case '"':
        return this.#string();
      default:
        return this.#number();
    }
  }

  #object(trail: Trail, depth: number): string {
    const members: string[] = [];
    this.#each('}', depth, () => {
      this.#skipSpace();
      const name = this.#text();
      this.#expect(':');
      const shown = this.#below(trail, name, depth);
      if (shown !== undefined) members.push(`${JSON.stringify(this.treatment.show(name))}:${shown}`);
    });
    return `{${members.join(',')}}`;
  }

  #list(trail: Trail, depth: number): string {
    const elements: string[] = [];
    let index = 0;
    this.#each(']', depth, () => {
      const shown = this.#below(trail, index++, depth);
      if (shown !== undefined) elements.push(shown);
    });
    return `[${elements.join(',')}]`;
  }

  /** Reads what stands between brackets, separated by commas. */
  #each(end: string, depth: number, read: () => void): void {
    if (depth >= MAX_DEPTH) throw new UnreadableJson();
    this.#at += 1;
    if (this.#next() === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      read();
      const next = this.#next();
      this.#at += 1;
      if (next === end) return;
      if (next !== ',') throw new UnreadableJson();
    }
  }

  /** A field or an element; undefined for one that is left out. */
  #below(trail: Trail, to: string | number, depth: number): string | undefined {
    const { action, trail: next } = this.treatment.rules.below(trail, to);
    if (action === undefined || action === 'keep') return this.#value(next, depth + 1);
    const shown = this.#hide(action, depth + 1);
    return action === 'remove' ? undefined : shown;
  }

  /** Reads a hidden value and everything in it. That there is none (`null`) is shown. */
  #hide(action: RedactionAction, depth: number): string {
    switch (this.#next() ?? '') {
      case '{':
        this.#each('}', depth, () => {
          this.#skipSpace();
          this.treatment.hidden.add(this.#text());
          this.#expect(':');
          this.#hide(action, depth + 1);
        });
        return JSON.stringify(MARK);
      case '[':
        this.#each(']', depth, () => this.#hide(action, depth + 1));
        return JSON.stringify(MARK);
      case '"': {
        const text = this.#text();
        this.treatment.hidden.add(text);
        return JSON.stringify(maskedText(text, action));
      }
      default: {
        const raw = this.#raw();
        if (raw === 'null') return raw;
        if (raw === 'true' || raw === 'false') return JSON.stringify(MARK);
        this.treatment.hidden.add(raw);
        return JSON.stringify(maskedText(raw, action));
      }
    }
  }

  #string(): string {
    const from = this.#at;
    const text = this.#text();
    const shown = this.treatment.show(text);
    return shown === text ? this.json.slice(from, this.#at) : JSON.stringify(shown);
  }

  #number(): string {
    const raw = this.#raw();
    return /^[tfn]/.test(raw) || this.treatment.show(raw) === raw ? raw : JSON.stringify(MARK);
  }

  #raw(): string {
    const [raw] = this.#match(NUMBER) ?? this.#match(WORD) ?? [];
    if (raw === undefined || raw === '') throw new UnreadableJson();
    return raw;
  }

  /** A text without its quotes and escapes. */
  #text(): string {
    const from = this.#at;
    if (this.json[from] !== '"') throw new UnreadableJson();
    let end = from;
    do {
      end = this.json.indexOf('"', end + 1);
      if (end < 0) throw new UnreadableJson();
    } while (this.#isEscaped(end, from));
    this.#at = end + 1;
    try {
      return JSON.parse(this.json.slice(from, this.#at)) as string;
    } catch {
      throw new UnreadableJson();
    }
  }

  #isEscaped(at: number, from: number): boolean {
    let first = at;
    while (first - 1 > from && this.json[first - 1] === '\\') first -= 1;
    return (at - first) % 2 === 1;
  }

  #expect(character: string): void {
    if (this.#next() !== character) throw new UnreadableJson();
    this.#at += 1;
  }

  #next(): string | undefined {
    this.#skipSpace();
    return this.json[this.#at];
  }

  #skipSpace(): void {
    if (this.json.charCodeAt(this.#at) <= 0x20) this.#match(SPACE);
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.json);
    if (found) this.#at = expression.lastIndex;
    return found;
  }
}
