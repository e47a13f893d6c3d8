import type { MessagingEvent } from '../../../../core/messaging/observing/events.js';
import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { AdminRole } from '../admin-authorizer.js';
import { timeOf } from '../http/answers.js';

/** What watchers receive. Never a payload, a header, or the text of an error, which may name hosts. */
export interface FeedEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Only callers of this role see it. @default 'viewer' */
  readonly role?: AdminRole;
}

type Shown = {
  readonly [E in MessagingEvent as E['type']]?: (event: E) => FeedEvent | undefined;
};

/** What is shown of each event of the core; all others are too many, or have metrics. */
const SHOWN: Shown = {
  // To `failed` when a message is parked, also once more after a replay.
  'dead-letter-changed': ({ id, topic, group, to }) => deadLetter(to, { id, topic, group }),
  'dead-letter-removed': ({ id, topic, group, cause }) => deadLetter('removed', { id, topic, group, cause }),
  'kill-switch': ({ to: { topic, group, handler }, change, errorType }) => ({
    type: 'kill-switch',
    data: { change, topic, group, handler, errorType },
  }),
  'subscription-changed': ({ topic, group, pause }) => ({
    type: 'subscription',
    data: {
      change: pause ? 'paused' : 'resumed',
      topic,
      group,
      ...(pause && { reason: pause.reason, by: pause.by, until: timeOf(pause.until) }),
    },
  }),
  transport: ({ transport, event }) => {
    const data = dataOf(event);
    return data && { type: 'transport', data: { change: event.type, transport, ...data } };
  },
  'admin-action': ({ action, outcome, actor, id }) =>
    outcome === 'denied'
      ? undefined
      : { type: 'audit', role: 'admin', data: { action, outcome, actor, target: id } },
};

/** Undefined for an event that watchers do not receive. */
export function feedEventOf(event: MessagingEvent): FeedEvent | undefined {
  // The compiler cannot see that the type of the event selects what shows it.
  const show = SHOWN[event.type] as ((event: MessagingEvent) => FeedEvent | undefined) | undefined;
  return show?.(event);
}

function deadLetter(change: string, data: FeedEvent['data']): FeedEvent {
  return { type: 'dead-letter', data: { change, ...data } };
}

/** Undefined for what comes with every lost connection, as many times as messages were in flight. */
function dataOf(event: TransportEvent): FeedEvent['data'] | undefined {
  if (event.type === 'settlement-dropped' || event.type === 'headers-ignored') return undefined;
  if ('problem' in event) {
    const { code, topic, group, reason } = event.problem;
    return { code, topic, group, reason };
  }
  if ('error' in event) return { errorCode: errorCodeOf(event.error) };
  if (event.type === 'switched') return { from: event.from, to: event.to };
  if (event.type === 'unread-removed') return { topic: event.topic, group: event.group, count: event.count };
  return {};
}
