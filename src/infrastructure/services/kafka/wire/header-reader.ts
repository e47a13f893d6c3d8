import type { ByteReader } from './byte-reader.js';
import { DECODE_LIMITS } from './decode-limits.js';

type Value = Buffer | null;
export type Headers = Record<string, Value | Value[]>;

interface Name {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** Reads the headers of records of one batch. */
export class HeaderReader {
  /** Of the record before, in their order: those of the next one are the same, as a rule. */
  readonly #names: Name[] = [];

  constructor(private readonly reader: ByteReader) {}

  /**
   * One that is there more than once has all its values. What cannot be read gives the reason, as the end of a sentence.
   *
   * @param end of the record.
   */
  read(end: number): Headers | string {
    const { reader } = this;
    const count = reader.varint();
    const problem = problemOf(count, end - reader.at);
    if (problem) return problem;
    const headers: Headers = {};
    for (let nth = 0; nth < count; nth += 1) {
      const name = this.#name(nth, end);
      if (name === undefined) return `the name of header ${nth} is longer than the record`;
      const value = reader.varintBytes();
      if (name === '__proto__') continue; // it would not be a header but what all headers inherit
      const before = headers[name];
      if (before === undefined) headers[name] = value;
      else if (Array.isArray(before)) before.push(value);
      else headers[name] = [before, value];
    }
    return reader.at === end ? headers : 'its headers do not end where it ends';
  }

  #name(nth: number, end: number): string | undefined {
    const { reader } = this;
    const length = reader.varint();
    if (!(length >= 0 && length <= end - reader.at)) return undefined;
    const known = this.#names[nth];
    if (known?.length === length && reader.isAt(known.at, length)) {
      reader.at += length;
      return known.text;
    }
    const { at } = reader;
    const text = reader.text(length);
    this.#names[nth] = { at, length, text };
    return text;
  }
}

function problemOf(count: number, bytes: number): string | undefined {
  const { maxHeaders, maxHeaderBytes } = DECODE_LIMITS;
  if (!(count >= 0 && count <= bytes)) return `it says that it has ${count} headers in ${bytes} bytes`;
  if (count > maxHeaders) return `it has ${count} headers, and ${maxHeaders} are the most`;
  if (bytes > maxHeaderBytes) return `its headers have ${bytes} bytes, and ${maxHeaderBytes} are the most`;
  return undefined;
}
