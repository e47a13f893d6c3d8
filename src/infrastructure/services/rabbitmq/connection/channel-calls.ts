import type { Channel } from '../client/amqplib-client.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/** Longest wait for the answer to a small question on a channel; a connection that is silent for longer is given up anyway. */
const REPLY_TIMEOUT_MS = 10_000;

/** The answer of a broker to a question about its channel. */
export function withReplyTimeout<T>(answer: Promise<T>): Promise<T> {
  return withDeadline(answer, REPLY_TIMEOUT_MS, () => new Error(`no answer within ${REPLY_TIMEOUT_MS} ms`));
}

/** Without waiting for the answer, if there is one at all. */
export function endChannel(channel: Channel): void {
  try {
    channel.close().catch(() => undefined);
  } catch {
    // it has ended already
  }
}
