import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import { ACCEPTED, type ConfirmResult } from './outbound-message.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { failureOf } from '../client/rabbitmq-errors.js';

/** State of the connection and its channel. */
export interface State extends Pick<RabbitmqConnection, 'label' | 'isUp' | 'blockedReason'> {
  readonly closedBecause: string | undefined;
}

/** The outcome of each result but `confirmed`. */
const OUTCOMES: Readonly<
  Record<
    Exclude<ConfirmResult, 'confirmed'>,
    (state: State, where: string, isSingle: boolean) => PublishOutcome
  >
> = {
  nacked: ({ label }, where, isSingle) => ({
    kind: isSingle ? 'unavailable' : 'unknown', // another of several queues may have taken it
    error: new MessagingError(
      'TRANSPORT_FULL',
      `${label} refused a message to "${where}": a queue is at its limit or has lost most of its nodes.`,
    ),
  }),
  returned: ({ label }, where) => ({
    kind: 'unavailable',
    error: new MessagingError('TRANSPORT_UNAVAILABLE', `${label} has no queue "${where}".`),
  }),
  overdue: ({ label }) => ({ kind: 'unknown', error: lateError(label) }),
  unsent: (state) => unsent(state),
  unencodable: (_, where) => ({
    kind: 'refused',
    error: new MessagingError(
      'MESSAGE_TOO_LARGE',
      `The headers of a message to "${where}" are too large for an AMQP frame, or are not text. Shorten them.`,
    ),
  }),
  forbidden: ({ label }, where) => ({
    kind: 'refused',
    error: new MessagingError(
      'FORBIDDEN',
      `${label} does not permit this user to publish to "${where}" (ACCESS_REFUSED). Grant the write permission.`,
    ),
  }),
  oversized: ({ label }, where) => ({
    kind: 'refused',
    error: new MessagingError(
      'MESSAGE_TOO_LARGE',
      `A message to "${where}" is larger than ${label} takes (max_message_size). Send a reference instead.`,
    ),
  }),
  lost: ({ label, isUp, closedBecause }) =>
    isUp && closedBecause !== undefined
      ? {
          kind: 'unknown',
          error: new MessagingError(
            'TRANSPORT_UNAVAILABLE',
            `${label} closed the channel while messages were in flight. It says: ${closedBecause}`,
          ),
        }
      : failureOf(undefined, label, true),
};

/** @param isSingle one queue at most takes the message, so that a nack means that it was not taken. */
export function outcomeOf(
  result: ConfirmResult,
  state: State,
  where: string,
  isSingle: boolean,
): PublishOutcome {
  return result === 'confirmed' ? ACCEPTED : OUTCOMES[result](state, where, isSingle);
}

/** The outcome of a message that was never written. */
export function unsent(state: State): PublishOutcome & { kind: 'unavailable' | 'refused' | 'unknown' } {
  const { label, isUp, blockedReason } = state;
  if (blockedReason !== undefined) {
    const text = `${label} has blocked publishing (${blockedReason.slice(0, 100)}). Free memory or disk on the broker, or let consumers catch up.`;
    return { kind: 'unavailable', error: new MessagingError('TRANSPORT_FULL', text) };
  }
  return isUp ? { kind: 'unavailable', error: lateError(label) } : failureOf(undefined, label, false);
}

export function lateError(label: string): MessagingError {
  return new MessagingError('DEADLINE_EXCEEDED', `${label} did not confirm in time.`);
}
