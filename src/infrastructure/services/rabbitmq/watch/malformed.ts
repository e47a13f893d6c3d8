import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination, TransportContext } from '../../../../core/messaging/ports/transport.js';
import type { DecodedMessage } from '../wire/message-codec.js';

/** What operators read of a message whose headers cannot all be read. */
export function malformedDetail(queue: string, flaw = 'as an earlier delivery showed'): string {
  return `The headers of a message in the queue "${queue}" cannot be read: ${flaw}. Its body and the readable headers are kept.`;
}

/**
 * Makes a dead letter of a message with unreadable headers that would go to all groups of a topic. A group's own queue needs no such
 * step: its consumer believes a header of ours that marks it. What comes through the exchange of a topic, it does not believe.
 *
 * @returns false when it is another message, or the application has no store for dead letters.
 */
export async function parkMalformed(
  { name: transport, keepRefused }: TransportContext,
  { message, attempt, flaw }: DecodedMessage,
  queue: string,
  to: Destination,
): Promise<boolean> {
  if (flaw === undefined || to.group !== undefined || !keepRefused) return false;
  const error = new MessagingError('HEADER_INVALID', malformedDetail(queue, flaw));
  await keepRefused({ to, message, error, transport, attempts: attempt - 1 });
  return true;
}
