import { MessagingError } from '../ports/errors.js';
import { withDeadline } from '../transport-kit/deadline.js';
import type { Clock } from '../ports/transport.js';
import type { DeadLetterStore } from '../ports/dead-letter-store.js';

/** Longer than the deadline that a store keeps itself, so that its own error is the one that is seen. */
const STORE_DEADLINE_MS = 15_000;

/** The store as its port promises it: one that does not answer rejects with `STORE_UNAVAILABLE` in time. */
export function storeWithDeadline(store: DeadLetterStore, clock: Clock): DeadLetterStore {
  const inTime = <T>(work: Promise<T>): Promise<T> => withDeadline(work, STORE_DEADLINE_MS, lateError, clock);
  // Options from JavaScript may lack the store, which the check of options reports after this.
  const usage = (store as DeadLetterStore | undefined)?.usage?.bind(store);
  return {
    connect: () => inTime(store.connect()),
    add: (deadLetter, ceiling) => inTime(store.add(deadLetter, ceiling)),
    find: (id) => inTime(store.find(id)),
    list: (filter, page) => inTime(store.list(filter, page)),
    count: (filter) => inTime(store.count(filter)),
    groups: (filter, limit) => inTime(store.groups(filter, limit)),
    transition: (id, from, to) => inTime(store.transition(id, from, to)),
    discard: (id, revision) => inTime(store.discard(id, revision)),
    stats: () => inTime(store.stats()),
    ...(usage && { usage: () => inTime(usage()) }),
    close: () => inTime(store.close()),
  };
}

function lateError(): MessagingError {
  return new MessagingError(
    'STORE_UNAVAILABLE',
    `The dead letter store did not answer within ${STORE_DEADLINE_MS} ms.`,
  );
}
