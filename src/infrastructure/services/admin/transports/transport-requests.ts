import { z } from 'zod';
import type { Override } from '../../../../core/messaging/ports/composite-transport.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import { name, oneOf, parse, text, valid } from '../http/parse.js';

const ACTIONS = ['use', 'leave-out', 'reset', 'pause-spool', 'resume-spool', 'release'] as const;
const DAY_SECONDS = 86_400;

const orderSchema = z.strictObject({
  action: oneOf(ACTIONS),
  member: text.optional(),
  /** Of `release`: where the messages are kept, and the group that they go to. */
  place: text.optional(),
  topic: name.optional(),
  group: name.optional(),
  /** An operator override needs a reason and expires, because a forgotten override would disable the failover. */
  reason: z.string().trim().min(1).max(255),
  forSeconds: valid(
    z.number(),
    (seconds) => Number.isInteger(seconds) && seconds >= 1 && seconds <= DAY_SECONDS,
    `must be a whole number from 1 to ${DAY_SECONDS}`,
  ).default(3_600),
});

const WITHOUT_MEMBER: readonly string[] = ['pause-spool', 'resume-spool', 'release'];

/** Body of an action on a transport. */
export const transportOrderBody = orderSchema
  .refine(
    ({ action, member }) => (member === undefined) === WITHOUT_MEMBER.includes(action),
    'use, leave-out and reset need a member; the other actions have none',
  )
  .refine(
    ({ action, place, topic, group }) =>
      (place !== undefined) === (action === 'release') &&
      (topic === undefined) === (group === undefined) &&
      (topic === undefined || action === 'release'),
    'release needs a place, and a topic with a group or neither; the other actions have none of them',
  );

/** Sends kept messages on. */
export interface Release {
  readonly action: 'release';
  readonly place: string;
  readonly to?: Required<Destination>;
}

/** What an operator orders, and the reason. */
export interface TransportOrder {
  readonly order: Override | Release;
  readonly reason: string;
}

/** Reads a {@link transportOrderBody}. */
export function parseTransportOrder(body: unknown): TransportOrder {
  const { action, member = '', reason, forSeconds, ...where } = parse(transportOrderBody, body);
  const forMs = forSeconds * 1_000;
  switch (action) {
    case 'use':
    case 'leave-out':
      return { order: { action, member, forMs }, reason };
    case 'reset':
      return { order: { action, member }, reason };
    case 'pause-spool':
      return { order: { action, forMs }, reason };
    case 'resume-spool':
      return { order: { action }, reason };
    case 'release':
      return { order: releaseOf(where), reason };
  }
}

function releaseOf({
  place = '',
  topic,
  group,
}: Pick<z.output<typeof orderSchema>, 'place' | 'topic' | 'group'>): Release {
  const to = topic !== undefined && group !== undefined ? { to: { topic, group } } : {};
  return { action: 'release', place, ...to };
}
