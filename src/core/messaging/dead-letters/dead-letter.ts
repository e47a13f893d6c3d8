import { HEADER } from '../message/headers.js';
import type { HandlerIdentity } from '../observing/events.js';
import type { Delivery } from '../ports/transport.js';
import type { Redactor } from '../redaction/redactor.js';
import type { DeadLetterReason, FailedAttempt, NewDeadLetter } from '../ports/dead-letter-store.js';
import { describeError, fingerprintOf } from './error-description.js';

/** What the core knows about a message at the moment it gives it up. */
export interface GivenUp {
  /** UUIDv7 of the letter, made at `now`. */
  readonly id: string;
  readonly delivery: Delivery;
  readonly to: HandlerIdentity;
  readonly reason: DeadLetterReason;
  /** Whatever was thrown. */
  readonly error: unknown;
  /** How often the handler was tried. */
  readonly attempts: number;
  readonly history: readonly FailedAttempt[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The record of a given-up message: its bytes and headers exactly as they arrived, and why it was given up. */
export function describeDeadLetter(givenUp: GivenUp): NewDeadLetter {
  const { message, transport } = givenUp.delivery;
  const { topic, group, handler } = givenUp.to;
  const error = describeError(givenUp.error);
  return {
    id: givenUp.id,
    topic,
    group,
    handler,
    transport,
    messageId: message.id,
    ...(message.key !== undefined && { key: message.key }),
    ...describeHeaders(message.headers),
    reason: givenUp.reason,
    error,
    fingerprint: fingerprintOf(handler, error),
    attempts: givenUp.attempts,
    history: givenUp.history,
    firstFailedAt: givenUp.history[0]?.at ?? givenUp.now,
    deadLetteredAt: givenUp.now,
    headers: message.headers,
    body: message.body,
  };
}

/**
 * The record without what its error repeats of hidden fields. The error is not needed for a replay, and lists show it
 * where the message is not at hand.
 */
export function withShownError(deadLetter: NewDeadLetter, redactor: Redactor): NewDeadLetter {
  const error = redactor.error(deadLetter.error, deadLetter.topic, deadLetter);
  if (error.message === deadLetter.error.message && error.stack === deadLetter.error.stack) return deadLetter;
  // A fingerprint of the hidden value would confirm a guess.
  return { ...deadLetter, error, fingerprint: fingerprintOf(deadLetter.handler, error) };
}

function describeHeaders(
  headers: Readonly<Record<string, string>>,
): Pick<NewDeadLetter, 'correlationId' | 'contentType' | 'publishedAt'> {
  const correlationId = headers[HEADER.correlationId];
  const contentType = headers[HEADER.contentType];
  const publishedAt = Date.parse(headers[HEADER.time] ?? '');
  return {
    ...(correlationId !== undefined && { correlationId }),
    ...(contentType !== undefined && { contentType }),
    ...(!Number.isNaN(publishedAt) && { publishedAt }),
  };
}
