import { withoutControlHeaders } from '../../../../core/messaging/ports/headers.js';

type Headers = Readonly<Record<string, string>>;

const NONE = '{}';
/** Far above what publishing permits: with more, each copy costs time that other messages need. */
const MAX_HEADERS = 5_000;

/**
 * Writes headers as JSON. Remembers the last ones, because messages that are published together differ at most in their time.
 */
export class HeadersWriter {
  #names: readonly string[] = [];
  #headers: Headers = {};
  #text = NONE;

  write(headers: Headers): string {
    if (!this.#isSame(headers)) {
      this.#names = Object.keys(headers);
      this.#headers = { ...headers }; // a copy, because the caller may change its own
      this.#text = JSON.stringify(headers);
    }
    return this.#text;
  }

  /** The order counts, so that a reader may compare texts instead of headers. */
  #isSame(headers: Headers): boolean {
    let nth = 0;
    for (const name in headers) {
      if (this.#names[nth] !== name || this.#headers[name] !== headers[name]) return false;
      nth += 1;
    }
    return nth === this.#names.length;
  }
}

interface ReadHeaders {
  /** A new object for each message. */
  readonly headers: Record<string, string>;
  /** Control headers were left out. */
  readonly hasIgnored: boolean;
}

/** Reads what {@link HeadersWriter} wrote, and for the same reason remembers the last. */
export class HeadersReader {
  #bytes = Buffer.from(NONE);
  #headers: Headers = {};
  #hasIgnored = false;

  /** @param from `isPublic`: foreign programs may write there, so that control headers are left out. */
  constructor(private readonly from: { readonly isPublic: boolean }) {}

  /** Undefined when the bytes are not a JSON object of strings, or of too many. */
  read(bytes: Buffer): ReadHeaders | undefined {
    if (!bytes.equals(this.#bytes) && !this.#parse(bytes)) return undefined;
    return { headers: { ...this.#headers }, hasIgnored: this.#hasIgnored };
  }

  #parse(bytes: Buffer): boolean {
    const written = parsed(bytes);
    if (!written) return false;
    const { headers, ignored } = this.from.isPublic
      ? withoutControlHeaders(written)
      : { headers: written, ignored: 0 };
    this.#bytes = Buffer.from(bytes); // a copy, because the bytes are part of a larger buffer
    this.#headers = headers;
    this.#hasIgnored = ignored > 0;
    return true;
  }
}

function parsed(bytes: Buffer): Record<string, string> | undefined {
  try {
    const headers: unknown = JSON.parse(bytes.toString());
    if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined;
    let count = 0;
    for (const name in headers) {
      count += 1;
      if (count > MAX_HEADERS || typeof (headers as Record<string, unknown>)[name] !== 'string')
        return undefined;
    }
    return headers as Record<string, string>;
  } catch {
    return undefined;
  }
}
