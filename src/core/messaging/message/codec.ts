import { isDeeperThan, refusePollution } from './json-guard.js';
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

const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON in UTF-8. Refuses text nested deeper than `maxDepth` and keys that pollute prototypes, in both directions. */
export function jsonCodec(options: { readonly maxDepth?: number } = {}): Codec {
  const maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
  const refuseDepth = (bytes: Uint8Array): void => {
    if (isDeeperThan(bytes, maxDepth)) throw tooDeep(maxDepth);
  };
  return {
    contentType: 'application/json',
    encode(payload) {
      const text = stringify(payload, maxDepth);
      const bytes = Buffer.from(text);
      refuseDepth(bytes);
      refusePollution(text, payload);
      return bytes;
    },
    decode(body) {
      refuseDepth(body);
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

function tooDeep(maxDepth: number): InvalidMessageError {
  return new InvalidMessageError(
    'MESSAGE_TOO_DEEP',
    `The payload nests deeper than ${maxDepth} levels. Flatten it, or give the message type a codec with a larger maxDepth.`,
  );
}
