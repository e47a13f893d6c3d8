type Headers = Readonly<Record<string, string>>;

const NONE = '{}';

/**
 * Headers as JSON. Remembers the last ones, because messages that are published together differ in nothing but, once a
 * millisecond, their time.
 */
export class HeadersWriter {
  #names: readonly string[] = [];
  #headers: Headers = {};
  #text = NONE;

  write(headers: Headers): string {
    if (!this.#isSame(headers)) {
      this.#names = Object.keys(headers);
      this.#headers = { ...headers }; // nobody else can change what the text was made of
      this.#text = JSON.stringify(headers);
    }
    return this.#text;
  }

  /** The order counts, so that equal texts mean equal headers to whoever reads them. */
  #isSame(headers: Headers): boolean {
    let nth = 0;
    for (const name in headers) {
      if (this.#names[nth] !== name || this.#headers[name] !== headers[name]) return false;
      nth += 1;
    }
    return nth === this.#names.length;
  }
}

/** Reads what {@link HeadersWriter} wrote, and for the same reason remembers the last. */
export class HeadersReader {
  #bytes = Buffer.from(NONE);
  #headers: Headers = {};

  /** Headers of their own for each message. Undefined for what is no JSON object of texts. */
  read(bytes: Buffer): Record<string, string> | undefined {
    if (bytes.equals(this.#bytes)) return { ...this.#headers };
    const headers = parsed(bytes);
    if (!headers) return undefined;
    this.#bytes = Buffer.from(bytes); // a copy: what is read is part of something larger
    this.#headers = headers;
    return { ...headers };
  }
}

function parsed(bytes: Buffer): Record<string, string> | undefined {
  try {
    const headers: unknown = JSON.parse(bytes.toString());
    if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined;
    for (const name in headers) {
      if (typeof (headers as Record<string, unknown>)[name] !== 'string') return undefined;
    }
    return headers as Record<string, string>;
  } catch {
    return undefined;
  }
}
