import { withDeadline } from '../../core/messaging/transport-kit/deadline.js';
import { UsageError } from '../command.js';

/** No route of the admin API waits longer for a store or a broker. */
const DEADLINE_MS = 30_000;
const MAX_KEY_LENGTH = 1024;
/** Far above the largest page of the API; another server at the address must not fill the memory. */
const MAX_ANSWER_MIB = 8;

type Query = Readonly<Record<string, string | undefined>>;

interface Request {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Fetched {
  readonly response: Response;
  /** Undefined for one that is too large. */
  readonly text: string | undefined;
}

interface Problem {
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly errors?: unknown;
}

/** The admin API of a running application. */
export class AdminApi {
  readonly #base: URL;
  readonly #key: string | undefined;

  /**
   * @param url where the API is mounted, as in `http://127.0.0.1:3000/messaging`.
   * @throws UsageError for another address, and for a key that no header can carry.
   */
  constructor(url: string, key: string | undefined) {
    const base = URL.parse(`${url.replace(/\/+$/, '')}/api/v1/`);
    if (base?.protocol !== 'http:' && base?.protocol !== 'https:')
      throw new UsageError(
        `--url is ${JSON.stringify(url)}; use one such as http://127.0.0.1:3000/messaging.`,
      );
    if (key !== undefined && (key.length > MAX_KEY_LENGTH || !/^[\x21-\x7e]+$/.test(key)))
      throw new UsageError('The file of --key-file must hold one API key, and nothing else.');
    this.#base = base;
    this.#key = key;
  }

  /** @throws Error that says what the API refused, or that it cannot be reached. */
  async get(path: string, query: Query = {}): Promise<unknown> {
    const address = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) address.searchParams.set(name, value);
    return this.#ask(address, {});
  }

  /** @throws Error that says what the API refused, or that it cannot be reached. */
  patch(path: string, body: object): Promise<unknown> {
    return this.#send('PATCH', path, body);
  }

  /** @throws Error that says what the API refused, or that it cannot be reached. */
  post(path: string, body: object): Promise<unknown> {
    return this.#send('POST', path, body);
  }

  #send(method: string, path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask(new URL(path, this.#base), { method, body: JSON.stringify(body), headers });
  }

  async #ask(address: URL, request: Request): Promise<unknown> {
    const { response, text } = await this.#fetch(address, request);
    if (text === undefined)
      throw new Error(
        `${address.origin}${address.pathname} answers more than ${MAX_ANSWER_MIB} MiB, which is not read. ` +
          'Ask for less with filters or --limit.',
      );
    if (!response.ok) throw new Error(sentenceOf(response, text));
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(
        `${address.origin}${address.pathname} answers no JSON; is --url where the admin API is?`,
      );
    }
  }

  async #fetch(address: URL, request: Request): Promise<Fetched> {
    const abort = new AbortController();
    const ask = async (): Promise<Fetched> => {
      const response = await fetch(address, {
        ...request,
        headers: {
          accept: 'application/json',
          ...request.headers,
          ...(this.#key && { authorization: `Bearer ${this.#key}` }),
        },
        // A key must not follow to another host.
        redirect: 'error',
        signal: abort.signal,
      });
      return { response, text: await boundedText(response) };
    };
    try {
      return await withDeadline(ask(), DEADLINE_MS, () => {
        abort.abort();
        return new Error('', { cause: { message: `no answer in ${DEADLINE_MS / 1_000} s` } });
      });
    } catch (error) {
      throw new Error(`${address.origin} cannot be reached (${causeOf(error)}).`, { cause: error });
    }
  }
}

/** Undefined for an answer over the limit, of which nothing more is read. */
async function boundedText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop ends the connection.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_MIB * 1_048_576) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function causeOf(error: unknown): string {
  const { name, cause } = error as { name: string; cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? name;
}

function sentenceOf({ status, statusText }: Response, text: string): string {
  const problem = problemIn(text);
  if (!problem) return `The application answers ${status} ${statusText}; is --url where the admin API is?`;
  const errors = Array.isArray(problem.errors)
    ? (problem.errors as { pointer?: unknown; message?: unknown }[])
    : [];
  const said = errors.map(({ pointer, message }) => `${optionOf(pointer)} ${String(message)}`);
  return [`${problem.title} (${status}): ${String(problem.detail)}`, ...said].join('\n  ');
}

/** Undefined for what another part of the application answers. */
function problemIn(text: string): (Problem & { readonly title: string }) | undefined {
  try {
    const { title, ...rest } = JSON.parse(text) as Problem;
    return typeof title === 'string' ? { title, ...rest } : undefined;
  } catch {
    return undefined;
  }
}

/** `/minAttempts` of the API is `--min-attempts` here. */
function optionOf(pointer: unknown): string {
  return `--${String(pointer)
    .replace(/^\//, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
