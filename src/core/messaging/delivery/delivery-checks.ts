import type { HandlerEntry } from '../handlers/handler-entry.js';
import { HEADER } from '../message/headers.js';
import { type Codec, jsonCodec } from '../message/codec.js';
import type { MessageLimits } from '../message/message-limits.js';
import type { DeadLetterReason } from '../ports/dead-letter-store.js';
import { errorCodeOf, InvalidMessageError, type MessagingErrorCode } from '../ports/errors.js';
import { UnacceptableMessageError } from './outcome.js';
import { largerAttempt } from '../ports/headers.js';
import { hasControls } from '../ports/names.js';
import type { Clock, Delivery, WireMessage } from '../ports/transport.js';
import { describeIssues } from '../message/schema-issues.js';

const fallbackCodec = jsonCodec();

/**
 * Number of this attempt: what the transport counted or what our header says, whichever is larger, so that a change
 * of broker does not start again at one. A header that is not a credible number is foreign and is not believed.
 */
export function attemptOf({ attempt, message }: Delivery): number {
  return largerAttempt(message.headers, attempt);
}

/** The header of the next attempt, where the message brought a larger count than its transport has. Else the transport counts. */
export function continueAttempts({ attempt, message }: Delivery): Readonly<Record<string, string>> {
  const larger = largerAttempt(message.headers, attempt);
  return larger > attempt ? { [HEADER.attempt]: String(larger + 1) } : {};
}

/** Code of the error of a dead letter, by the reason that its transport gave. */
const UNACCEPTABLE_CODES: Partial<Record<DeadLetterReason, MessagingErrorCode>> = {
  expired: 'EXPIRED',
  queue_overflow: 'QUEUE_OVERFLOW',
  max_deliveries: 'ATTEMPTS_USED_UP',
  deserialization_failed: 'PAYLOAD_UNDECODABLE',
  corrupt: 'RECORD_CORRUPT',
};

/** Throws when the transport delivers the message only to be parked. */
export function refuseUnacceptable({ unacceptable }: Delivery): void {
  if (!unacceptable) return;
  const { reason, detail } = unacceptable;
  throw new UnacceptableMessageError(reason, UNACCEPTABLE_CODES[reason] ?? 'PERMANENT', detail);
}

/** Throws when the message should have been handled before now. */
export function refuseExpired(delivery: Delivery, clock: Clock): void {
  const expiry = delivery.message.headers[HEADER.expiry];
  if (expiry === undefined) return;
  const expiresAt = Date.parse(expiry);
  if (!(expiresAt <= clock.now())) return;
  throw new UnacceptableMessageError('expired', 'EXPIRED', `The message expired at ${expiry}.`);
}

/** Throws when every attempt was used: the last one did not live to settle it, and another would end the same way. */
export function refuseUsedUp(attempt: number, entry: HandlerEntry): void {
  if (attempt <= entry.policy.attempts) return;
  throw new UnacceptableMessageError(
    'max_deliveries',
    'ATTEMPTS_USED_UP',
    `Attempt ${attempt} of ${entry.policy.attempts}: the attempts are used up, and the last ended without a result, as when its process died.`,
  );
}

/** Headers of our own, and of brokers and tracing, that come on top of those of the application. */
const EXTRA_HEADERS = 64;
const EXTRA_HEADER_BYTES = 16 * 1024;

/** Throws when a message has more headers than anybody of ours sends: whatever reads them later reads all of them. */
export function refuseHeaders({ message: { headers } }: Delivery, limits: MessageLimits): void {
  let count = 0;
  let chars = 0;
  for (const name in headers) {
    count += 1;
    chars += name.length + (headers[name] as string).length;
  }
  const [maxCount, maxBytes] = [
    limits.maxHeaders + EXTRA_HEADERS,
    limits.maxHeaderBytes + EXTRA_HEADER_BYTES,
  ];
  if (count <= maxCount && chars <= maxBytes) return;
  throw new UnacceptableMessageError(
    'deserialization_failed',
    'HEADER_INVALID',
    `The message has ${count} headers of ${chars} characters, more than the ${maxCount} and ${maxBytes} allowed. Raise limits.maxHeaders or limits.maxHeaderBytes if they are legitimate.`,
  );
}

/** Headers that hold an id. */
const ID_HEADERS = [HEADER.correlationId, HEADER.causationId] as const;

/** Throws when an id of the message has a control character, which publishing refuses too. */
export function refuseIds({ message: { id, headers } }: Delivery): void {
  let name: string | undefined = hasControls(id) ? 'message id' : undefined;
  for (const header of ID_HEADERS) {
    const value = headers[header];
    if (value !== undefined && hasControls(value)) name ??= header;
  }
  if (name === undefined) return;
  throw new UnacceptableMessageError(
    'deserialization_failed',
    'HEADER_INVALID',
    `The ${name} has a control character such as a line break. Its publisher must send 1 to 200 visible characters.`,
  );
}

/** Payload of the delivery, decoded and validated. A promise only where the schema validates asynchronously. */
export function readPayload(entry: HandlerEntry, delivery: Delivery, limits: MessageLimits): unknown {
  const payload = decodeBody({ topic: entry.topic, codec: entry.type?.codec }, delivery.message, limits);
  if (!entry.type) return payload;
  const result = entry.type.schema['~standard'].validate(payload);
  return result instanceof Promise ? result.then((later) => accept(entry, later)) : accept(entry, result);
}

/** What the codec makes of a body. JSON without one. Throws for a body that is too large, of another content type or broken. */
export function decodeBody(
  { topic, codec = fallbackCodec }: { readonly topic: string; readonly codec: Codec | undefined },
  { body, headers }: WireMessage,
  limits: MessageLimits,
): unknown {
  if (body.length > limits.maxBodyBytes) {
    throw new UnacceptableMessageError(
      'deserialization_failed',
      'MESSAGE_TOO_LARGE',
      `The body has ${body.length} bytes, more than the ${limits.maxBodyBytes} allowed. Raise limits.maxBodyBytes if it is legitimate.`,
    );
  }
  const contentType = headers[HEADER.contentType];
  if (
    contentType !== undefined &&
    contentType !== codec.contentType &&
    mediaType(contentType) !== codec.contentType
  ) {
    throw new UnacceptableMessageError(
      'deserialization_failed',
      'PAYLOAD_UNDECODABLE',
      `The content type is ${JSON.stringify(contentType.slice(0, 100))}, but "${topic}" is read as ${codec.contentType}.`,
    );
  }
  try {
    return codec.decode(body);
  } catch (cause) {
    const code = cause instanceof InvalidMessageError ? cause.code : 'PAYLOAD_UNDECODABLE';
    const detail =
      cause instanceof InvalidMessageError ? cause.message : `The codec failed with ${errorCodeOf(cause)}.`;
    throw new UnacceptableMessageError('deserialization_failed', code, detail, { cause });
  }
}

function mediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

type ValidationResult = Awaited<
  ReturnType<NonNullable<HandlerEntry['type']>['schema']['~standard']['validate']>
>;

function accept(entry: HandlerEntry, result: ValidationResult): unknown {
  if (!result.issues) return result.value;
  throw new UnacceptableMessageError(
    'validation_failed',
    'PAYLOAD_INVALID',
    `The payload is not a valid "${entry.topic}": ${describeIssues(result.issues)}`,
  );
}
