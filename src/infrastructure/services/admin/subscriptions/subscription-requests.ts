import { z } from 'zod';
import type { SubscriptionOrder } from '../../../../core/messaging/control/subscription-control.service.js';
import {
  MAX_CONCURRENCY,
  MAX_PAUSE_MS,
  RATE_RANGE,
} from '../../../../core/messaging/control/subscription-limits.js';
import { name, parse, valid } from '../http/parse.js';

const whole = (max: number) =>
  valid(
    z.number(),
    (value) => Number.isInteger(value) && value >= 1 && value <= max,
    `must be a whole number from 1 to ${max}`,
  );

/** Others have to learn why nothing is handled. */
const reason = z.string().trim().min(1).max(255);

export const subscriptionOrderBody = z
  .strictObject({
    paused: z.boolean().optional(),
    forMs: whole(MAX_PAUSE_MS).optional(),
    concurrency: whole(MAX_CONCURRENCY).nullable().optional(),
    ratePerSecond: valid(
      z.number(),
      (value) => value >= RATE_RANGE.min && value <= RATE_RANGE.max,
      `must be a number from ${RATE_RANGE.min} to ${RATE_RANGE.max}`,
    )
      .nullable()
      .optional(),
    reason,
  })
  .refine(
    ({ paused, concurrency, ratePerSecond }) =>
      paused !== undefined || concurrency !== undefined || ratePerSecond !== undefined,
    'needs at least one of paused, concurrency and ratePerSecond',
  )
  .refine(({ paused, forMs }) => forMs === undefined || paused === true, 'forMs needs paused: true');

const placeSchema = z.strictObject({ topic: name, group: name });

export const drainBody = z.strictObject({ reason });

/** Body of the drain of a process. */
export function parseDrain(body: unknown): z.output<typeof drainBody> {
  return parse(drainBody, body);
}

/** Body of a change, without who orders it. */
export function parseSubscriptionOrder(body: unknown): Omit<SubscriptionOrder, 'actor' | 'ifTag'> {
  return parse(subscriptionOrderBody, body);
}

/** The group that the path names. */
export function parseGroupPlace(topic: string, group: string): z.output<typeof placeSchema> {
  return parse(placeSchema, { topic, group });
}
