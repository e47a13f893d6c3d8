import { exceededBound, refusePollution } from './json-guard.js';
import { InvalidMessageError } from '../ports/errors.js';

/** Turns payloads into bytes and back. One for each message type; JSON by default. */
export interface Codec {
  /** Media type of what `encode` makes, sent as `content-type`. A delivery with another one is not decoded. */
  readonly contentType: string;
  /** Throws for a payload that cannot be encoded. */
  encode(payload: unknown): Uint8Array;
  /** Throws for bytes that are not an encoded payload. The message becomes a dead letter, bytes as they are. */
  decode(body: Uint8Array): unknown;
}

/** Default of `maxDepth`: levels of nesting that a JSON payload may have. */
const DEFAULT_MAX_DEPTH = 64;
/** Default of `maxMembers`. More keys than these take longer to parse than anything else may wait. */
const DEFAULT_MAX_MEMBERS = 150_000;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bounds of the JSON of a message type. */
export interface JsonCodecOptions {
  /** Levels of nesting. @default 64 */
  readonly maxDepth?: number;
  /** Objects and entries of objects together. Parsing them blocks the process, by about 150 ms for the default. @default 150_000 */
  readonly maxMembers?: number;
}

/** JSON in UTF-8. Refuses text beyond the bounds and keys that pollute prototypes, in both directions. */
export function jsonCodec(options: JsonCodecOptions = {}): Codec {
  const { maxDepth = DEFAULT_MAX_DEPTH, maxMembers = DEFAULT_MAX_MEMBERS } = options;
  const refuseExceeding = (bytes: Uint8Array): void => {
    const bound = exceededBound(bytes, { maxDepth, maxMembers });
    if (bound === 'maxDepth') throw tooDeep(maxDepth);
    if (bound === 'maxMembers') throw tooManyMembers(maxMembers);
  };
  return {
    contentType: 'application/json',
    encode(payload) {
      const text = stringify(payload, maxDepth);
      const bytes = Buffer.from(text);
      refuseExceeding(bytes);
      refusePollution(text);
      return bytes;
    },
    decode(body) {
      refuseExceeding(body);
      let value: unknown;
      let text: string;
      try {
        text = decoder.decode(body);
        value = JSON.parse(text);
      } catch (cause) {
        throw new InvalidMessageError('PAYLOAD_UNDECODABLE', 'The body is not JSON in UTF-8.', [], { cause });
      }
      refusePollution(text, value);
      return value;
    },
  };
}

function stringify(payload: unknown, maxDepth: number): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(maxDepth);
    throw new InvalidMessageError('PAYLOAD_INVALID', 'The payload cannot be written as JSON.', [], { cause });
  }
  // JSON.stringify answers undefined for undefined, functions and symbols, whatever its declaration says.
  if ((text as string | undefined) === undefined) {
    throw new InvalidMessageError(
      'PAYLOAD_INVALID',
      'The payload is undefined, which JSON cannot carry. Send null.',
    );
  }
  return text;
}

function tooManyMembers(maxMembers: number): InvalidMessageError {
  return new InvalidMessageError(
    'MESSAGE_TOO_LARGE',
    `The payload has more than ${maxMembers} objects and entries of objects. Split it, or give the message type a codec with a larger maxMembers.`,
  );
}

function tooDeep(maxDepth: number): InvalidMessageError {
  return new InvalidMessageError(
    'MESSAGE_TOO_DEEP',
    `The payload nests deeper than ${maxDepth} levels. Flatten it, or give the message type a codec with a larger maxDepth.`,
  );
}
