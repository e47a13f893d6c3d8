import {
  type ApplicationHeaders,
  HEADER,
  HEADER_FORBIDDEN,
  HEADER_NAME,
  isReservedHeader,
  RESERVED_PREFIXES,
  TRACEPARENT,
} from '../message/headers.js';
import type { MessageLimits } from '../message/message-limits.js';
import { InvalidMessageError } from '../ports/errors.js';

/**
 * The headers as a plain object, each read once.
 *
 * @throws InvalidMessageError `HEADER_INVALID` for what is no collection of headers, for a name that is reserved,
 *   malformed or given twice, for a value that cannot travel, and above the limits.
 */
export function readHeaders(given: ApplicationHeaders, limits: MessageLimits): Record<string, string> {
  const headers: Record<string, string> = {};
  let count = 0;
  let bytes = 0;
  for (const pair of pairsOf(given)) {
    const [name, value] = checked(pairOf(pair));
    if (Object.hasOwn(headers, name)) {
      throw invalid(`Header ${JSON.stringify(name)} is given twice. Join its values, or use two names.`);
    }
    headers[name] = value;
    count += 1;
    bytes += name.length + Buffer.byteLength(value);
    if (count > limits.maxHeaders || bytes > limits.maxHeaderBytes) {
      throw invalid(
        `The headers exceed the limit of ${limits.maxHeaders} headers and ${limits.maxHeaderBytes} bytes. Put data into the payload.`,
      );
    }
  }
  return headers;
}

function pairsOf(given: unknown): Iterable<unknown> {
  if (typeof given === 'object' && given !== null) {
    if (Symbol.iterator in given) return given as Iterable<unknown>;
    // An instance of a class has no own entry for what its getters and methods hold: nothing would be sent.
    if (isPlain(given)) return Object.entries(given);
  }
  throw invalid(
    `Publish option headers is ${nameOf(given)}; it must be an object, a Headers, a Map, or an iterable of [name, value] pairs.`,
  );
}

/** Also an object without a prototype, and one of another realm. */
function isPlain(given: object): boolean {
  const prototype = Object.getPrototypeOf(given) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function pairOf(pair: unknown): readonly [unknown, unknown] {
  if (Array.isArray(pair) && pair.length === 2) return [pair[0], pair[1]];
  throw invalid(
    `Publish option headers yields ${nameOf(pair)}; each entry must be a pair of a name and a value.`,
  );
}

function checked([name, value]: readonly [unknown, unknown]): readonly [string, string] {
  if (typeof name !== 'string' || !HEADER_NAME.test(name)) {
    throw invalid(`${shown(name)} cannot name a header: use a lower-case token of at most 128 characters.`);
  }
  if (isReservedHeader(name)) {
    throw invalid(
      `Header ${shown(name)} is set by the messaging module; choose one that does not begin with ${RESERVED_PREFIXES.join(', ')}.`,
    );
  }
  if (typeof value !== 'string' || HEADER_FORBIDDEN.test(value)) {
    throw invalid(`Header ${shown(name)} must be text without CR, LF and NUL.`);
  }
  if (name === HEADER.traceparent && !TRACEPARENT.test(value)) {
    throw invalid('Header "traceparent" is not a W3C trace context, version 00.');
  }
  return [name, value];
}

function shown(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : nameOf(name);
}

/** What kind of thing it is, never its content. */
function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a value of type ${typeof value}`;
  const { constructor } = value as { constructor?: { name?: unknown } };
  return typeof constructor?.name === 'string' ? `an object of the class ${constructor.name}` : 'an object';
}

function invalid(message: string): InvalidMessageError {
  return new InvalidMessageError('HEADER_INVALID', message);
}
