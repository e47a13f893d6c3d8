import type { AnyMessageType, PayloadOf } from '../core/messaging/message/message-type.js';

/**
 * The payload as a handler gets it. Where the schema validates asynchronously, or finds issues, it is what the codec
 * decodes.
 */
export function payloadOf<TType extends AnyMessageType>(type: TType, body: Uint8Array): PayloadOf<TType> {
  const decoded = type.codec.decode(body);
  const result = type.schema['~standard'].validate(decoded);
  if (!(result instanceof Promise)) return result.issues ? decoded : result.value;
  result.catch(() => undefined);
  return decoded;
}
