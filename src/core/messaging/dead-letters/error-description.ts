import { createHash } from 'node:crypto';
import type { DeadLetterError } from '../ports/dead-letter-store.js';

const MAX_STACK_BYTES = 8 * 1024;
const MAX_MESSAGE_BYTES = 1024;
const MAX_TYPE_LENGTH = 100;
const FINGERPRINT_LENGTH = 16;

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/**
 * What may be kept of an error: its type, message, code and stack, each bounded.
 *
 * Nothing else of it is read, because clients of brokers and databases hang connection options and commands with their
 * arguments on their errors, and on `cause`. Whatever was thrown is survived: `undefined`, proxies, hostile getters.
 */
export function describeError(error: unknown): DeadLetterError {
  if (!isErrorLike(error)) {
    return { type: typeNameOf(error), message: truncateBytes(textOf(error), MAX_MESSAGE_BYTES) };
  }
  const message = readText(() => error.message) ?? '';
  const code = readText(() => (error as { code?: unknown }).code);
  const frames = framesOf(readText(() => error.stack) ?? '');
  const type = errorTypeOf(error);
  const bounded = truncateBytes(message, MAX_MESSAGE_BYTES);
  return {
    type,
    message: bounded,
    ...(code !== undefined && CODE.test(code) && { code }),
    ...(frames !== '' && { stack: truncateBytes(`${type}: ${bounded}\n${frames}`, MAX_STACK_BYTES) }),
  };
}

/** Class name of a thrown error, or `undefined`, `string` and so on for anything else. Short; safe as a label. */
export function errorTypeOf(error: unknown): string {
  if (!isErrorLike(error)) return typeNameOf(error);
  const name = readText(() => error.name);
  const className = readText(() => error.constructor.name);
  // Subclasses that do not set `name` inherit "Error" and would all look alike.
  const best = name !== undefined && name !== '' && name !== 'Error' ? name : className;
  return safeName(best ?? 'Error');
}

/**
 * Sixteen hex digits that are equal for failures with the same cause: handler, error type, message without what varies
 * (numbers, UUIDs, hex, quoted strings) and the innermost stack frame that is the application's own.
 */
export function fingerprintOf(handler: string, error: DeadLetterError): string {
  const parts = [handler, error.type, normaliseMessage(error.message), ownFrame(error.stack) ?? ''];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, FINGERPRINT_LENGTH);
}

/** The message without the parts that differ from one failure to the next. */
export function normaliseMessage(message: string): string {
  return message
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>')
    .replace(/"[^"]{0,1024}"|'[^']{0,1024}'|`[^`]{0,1024}`/g, '<text>')
    .replace(/\b(?:0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{8,})\b/gi, '<hex>')
    .replace(/\d+(?:[.,]\d+)*/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Function and file of the top frame outside node_modules and Node itself, without line and column. */
function ownFrame(stack: string | undefined): string | undefined {
  const frame = stack
    ?.split('\n')
    .find((line) => /^\s+at /.test(line) && !line.includes('node_modules') && !isNodes(line));
  // Line numbers move with every release, and the same fault would be a new group each time.
  return frame?.trim().replace(/:\d+:\d+\)?$/, '');
}

function isNodes(frame: string): boolean {
  return frame.includes('node:') || frame.includes('<anonymous>') || frame.includes('(native)');
}

/** The frames of the error itself, without the causes and properties that V8 or a library may have appended. */
function framesOf(stack: string): string {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  if (first === -1) return '';
  const end = lines.findIndex((line, index) => index > first && !/^\s+at /.test(line));
  return lines.slice(first, end === -1 ? undefined : end).join('\n');
}

function isErrorLike(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false; // a proxy whose getPrototypeOf trap throws
  }
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return safeName(readText(() => value.constructor.name) ?? 'object');
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    // Its own text could be anything, even a connection string; its message is what people mean to be read.
    return (
      readText(() => (value as { message?: unknown }).message) ?? 'An object that is not an Error was thrown.'
    );
  }
  if (typeof value === 'string') return value;
  return typeof value === 'function' ? 'A function was thrown.' : `${String(value)} was thrown.`;
}

function readText(read: () => unknown): string | undefined {
  try {
    const value = read();
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function safeName(name: string): string {
  const cleaned = name.replace(/[^A-Za-z0-9_.$-]/g, '').slice(0, MAX_TYPE_LENGTH);
  return cleaned === '' ? 'Error' : cleaned;
}

/** At most `maxBytes` of UTF-8, never half a character, with a mark that something is missing. */
function truncateBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const room = maxBytes - Buffer.byteLength('…');
  const cut = Buffer.from(text.slice(0, room))
    .subarray(0, room)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return `${cut}…`;
}
