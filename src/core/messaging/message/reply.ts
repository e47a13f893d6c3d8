import { HEADER } from './headers.js';
import { uuidV7 } from './ids.js';
import { TimeText } from './time-text.js';
import { OWN_HEADERS, ownText } from '../ports/headers.js';
import { RequestError } from '../ports/request-error.js';
import type { Clock, WireMessage } from '../ports/transport.js';

/** What a failure says on the wire, as JSON. Never a stack. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly details?: unknown;
}

const JSON_TYPE = 'application/json';
const MAX_CODE_LENGTH = 64;
const MAX_TEXT_LENGTH = 1_000;

/** Writes replies, which carry the id of their request and whether it succeeded. */
export class ReplyWriter {
  readonly #time = new TimeText();
  /** Copying it costs less than building one. */
  readonly #template: Readonly<Record<string, string>>;

  constructor(
    source: string,
    private readonly clock: Clock,
  ) {
    this.#template = {
      [HEADER.contentType]: '',
      [HEADER.type]: '',
      [HEADER.source]: source,
      [HEADER.time]: '',
      [HEADER.correlationId]: '',
      [HEADER.causationId]: '',
      [OWN_HEADERS.requestId.name]: '',
      [OWN_HEADERS.reply.name]: '',
    };
  }

  /** @param body what the handler returned, encoded; empty for undefined. */
  succeeded(request: WireMessage, topic: string, content: { body: Uint8Array; type: string }): WireMessage {
    return this.#reply(request, { topic, kind: 'ok', ...content });
  }

  failed(request: WireMessage, topic: string, failure: Failure): WireMessage {
    return this.#reply(request, { topic, kind: 'error', body: encoded(failure), type: JSON_TYPE });
  }

  #reply(
    { id, headers }: WireMessage,
    { topic, kind, body, type }: { topic: string; kind: string; body: Uint8Array; type: string },
  ): WireMessage {
    const now = this.clock.now();
    const own = { ...this.#template };
    own[HEADER.contentType] = type;
    own[HEADER.type] = `${topic}.reply`;
    own[HEADER.time] = this.#time.of(now);
    own[HEADER.correlationId] = headers[HEADER.correlationId] ?? id;
    own[HEADER.causationId] = id;
    own[OWN_HEADERS.requestId.name] = id;
    own[OWN_HEADERS.reply.name] = kind;
    return { id: uuidV7(now), headers: own, body };
  }
}

/** Id of the request that a reply is for; undefined where it names none. */
export function requestIdOf({ headers }: WireMessage): string | undefined {
  return ownText(headers, OWN_HEADERS.requestId);
}

/** Whether a reply is a success or a failure; undefined for what is neither. */
export function kindOf({ headers }: WireMessage): 'ok' | 'error' | undefined {
  const kind = ownText(headers, OWN_HEADERS.reply);
  return kind === 'ok' || kind === 'error' ? kind : undefined;
}

/** The failure in a reply. Undefined when it cannot be read. */
export function failureIn({ body }: WireMessage): RequestError | undefined {
  let read: Partial<Record<keyof Failure, unknown>> | null;
  try {
    read = JSON.parse(Buffer.from(body).toString()) as typeof read;
  } catch {
    return undefined;
  }
  const { code, message, retryable, retryAfterMs, details } = read ?? {};
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  return new RequestError(code.slice(0, MAX_CODE_LENGTH), message.slice(0, MAX_TEXT_LENGTH), {
    retryable: retryable === true,
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    ...(details !== undefined && { details }),
  });
}

function encoded({ code, message, details, ...rest }: Failure): Buffer {
  const bounded = {
    code: code.slice(0, MAX_CODE_LENGTH),
    message: message.slice(0, MAX_TEXT_LENGTH),
    ...rest,
  };
  try {
    return Buffer.from(JSON.stringify({ ...bounded, details }));
  } catch {
    return Buffer.from(JSON.stringify(bounded)); // details that are no JSON
  }
}
