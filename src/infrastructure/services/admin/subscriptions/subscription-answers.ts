import { z } from 'zod';
import { count, openWord, time } from '../http/answers.js';

const consumer = z.strictObject({
  handler: z.string(),
  transport: z.string(),
  state: openWord(['starting', 'running', 'interrupted', 'paused', 'drained', 'stopped']),
  active: count,
  concurrency: count,
  killSwitch: z
    .strictObject({
      isOpen: z.boolean(),
      held: count,
      errorType: z.string().optional(),
      since: time.optional(),
    })
    .optional(),
});

/** A consumer group, what operators have set for it, and the handlers of the process that answers. */
export const subscriptionAnswer = z.strictObject({
  topic: z.string(),
  group: z.string(),
  paused: z.boolean(),
  pause: z.strictObject({ reason: z.string(), by: z.string(), since: time, until: time }).optional(),
  concurrency: count.optional(),
  ratePerSecond: z.number().optional(),
  tag: z.string().meta({ description: 'For `If-Match`; also the ETag.' }),
  scope: openWord(['shared', 'process']),
  isCurrent: z.boolean().meta({ description: 'False while the control store does not answer.' }),
  consumers: z.array(consumer),
});

export const subscriptionListAnswer = z.strictObject({ items: z.array(subscriptionAnswer) });

export const drainAnswer = z.strictObject({ draining: z.literal(true), scope: z.literal('process') });
