import type { Channel } from '../client/amqplib-client.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/** Longest wait for the reply to a small request on a channel; a connection that is silent for longer is given up anyway. */
const REPLY_TIMEOUT_MS = 10_000;

/** The reply of the broker to a request on a channel, with a deadline. */
export function withReplyTimeout<T>(reply: Promise<T>): Promise<T> {
  const text = `RabbitMQ did not reply within ${REPLY_TIMEOUT_MS} ms.`;
  return withDeadline(reply, REPLY_TIMEOUT_MS, () => new MessagingError('DEADLINE_EXCEEDED', text));
}

/** Closes a channel without waiting for the reply. */
export function endChannel(channel: Channel): void {
  try {
    channel.close().catch(() => undefined);
  } catch {
    // it has ended already
  }
}
