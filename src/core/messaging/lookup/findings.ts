import type { DeadLetterSummary } from '../ports/dead-letter-store.js';
import type { MessageFinding } from './message-whereabouts.js';
import type { RememberedDelivery } from '../observing/recent-deliveries.js';
import type { RememberedPublish } from '../observing/recent-publishes.js';

export function findingOfPublish({ errorCode, ...rest }: RememberedPublish): MessageFinding {
  return { ...rest, source: 'publishes', ...(errorCode !== undefined && { reason: errorCode }) };
}

export function findingOfDelivery(delivery: RememberedDelivery): MessageFinding {
  const { to, delayMs, ...rest } = delivery;
  const { topic, group, handler } = to;
  const due = delayMs === undefined ? {} : { dueAt: rest.at + delayMs };
  return { ...rest, ...due, source: 'deliveries', topic, group, handler };
}

export function findingOfLetter(letter: DeadLetterSummary): MessageFinding {
  const { id, status, topic, group, handler, transport, attempts, error, updatedAt } = letter;
  return {
    at: updatedAt,
    source: 'dead-letters',
    what: status,
    ...{ topic, group, handler, transport },
    attempt: attempts,
    reason: error.code ?? error.type,
    deadLetterId: id,
  };
}

/** By time; of one instant, in the order in which they are given. */
export function inOrder(findings: readonly MessageFinding[]): readonly MessageFinding[] {
  return [...findings].sort((one, other) => one.at - other.at);
}
