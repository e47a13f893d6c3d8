import { z } from 'zod';
import type { Override } from '../../../../core/messaging/ports/composite-transport.js';
import { oneOf, parse, text } from '../http/parse.js';

const ACTIONS = ['use', 'leave-out', 'reset', 'pause-spool', 'resume-spool'] as const;
const DAY_SECONDS = 86_400;

const orderSchema = z.strictObject({
  action: oneOf(ACTIONS),
  member: text.optional(),
  /** An operator override needs a reason and expires, because a forgotten override would disable the failover. */
  reason: z.string().trim().min(1).max(255),
  forSeconds: z.int().min(1).max(DAY_SECONDS).default(3_600),
});

const membered = orderSchema.refine(
  ({ action, member }) => (member === undefined) === action.endsWith('-spool'),
  'use, leave-out and reset need a member; pause-spool and resume-spool have none',
);

/** An operator override and its reason. */
export interface TransportOrder {
  readonly override: Override;
  readonly reason: string;
}

/** Body of an operator override of a composite transport. */
export function parseTransportOrder(body: unknown): TransportOrder {
  const { action, member = '', reason, forSeconds } = parse(membered, body);
  const forMs = forSeconds * 1_000;
  switch (action) {
    case 'use':
    case 'leave-out':
      return { override: { action, member, forMs }, reason };
    case 'reset':
      return { override: { action, member }, reason };
    case 'pause-spool':
      return { override: { action, forMs }, reason };
    case 'resume-spool':
      return { override: { action }, reason };
  }
}
