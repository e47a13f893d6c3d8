import { readHistory } from '../dead-letters/attempt-history.js';
import { describeDeadLetter } from '../dead-letters/dead-letter.js';
import type { NewDeadLetter } from '../ports/dead-letter-store.js';
import type { HandlerIdentity } from '../observing/events.js';
import { uuidV7 } from '../message/ids.js';
import type { RefusedMessage } from '../ports/transport.js';

/** Handler of a message that no handler here subscribes to. */
const NO_HANDLER = '(none)';

interface RefusedContext {
  readonly handlers: readonly HandlerIdentity[];
  /** Group of a message that no handler here subscribes to. */
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * The dead letters of a message that was accepted and then refused by its broker: one for each group here that would
 * have got it, because a dead letter goes back to one group.
 */
export function deadLettersOf(
  { to, message, error, transport, attempts = 0, reason = 'rejected' }: RefusedMessage,
  { handlers, service, now }: RefusedContext,
): readonly NewDeadLetter[] {
  const meant = handlers.filter(
    ({ topic, group }) => topic === to.topic && (to.group === undefined || group === to.group),
  );
  const unhandled = { topic: to.topic, group: to.group ?? service, handler: NO_HANDLER };
  return (meant.length > 0 ? meant : [unhandled]).map((identity) =>
    describeDeadLetter({
      id: uuidV7(now),
      delivery: { message, attempt: attempts + 1, transport },
      to: identity,
      reason,
      error,
      attempts,
      history: readHistory(message.headers),
      now,
    }),
  );
}
