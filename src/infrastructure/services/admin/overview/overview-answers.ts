import { z } from 'zod';
import { amount, count, openWord, scope, time } from '../http/answers.js';

const status = openWord(['up', 'degraded', 'down']);

const traffic = z.strictObject({
  seconds: amount,
  published: count,
  publishFailed: count,
  handled: count,
  failed: count,
  deadLettered: count,
});

const place = z.strictObject({ topic: z.string(), group: z.string() });

/** `total` counts all of them, of which the first are listed. */
const listOf = <T extends z.ZodType>(item: T) => ({ total: count, items: z.array(item) });

/** The application at a glance. What cannot be read is absent, with an `errorCode` or a count of `unanswered`. */
export const overviewAnswer = z.strictObject({
  at: time.meta({ description: 'When it was read. An answer is reused for a second or more.' }),
  status: openWord(['ok', 'degraded', 'error', 'shutting_down']),
  state: openWord(['starting', 'running', 'draining', 'stopped']),
  startedAt: time,
  draining: z.strictObject({ scope, isDraining: z.boolean() }),
  transports: z.strictObject({
    scope,
    items: z.array(
      z.strictObject({
        name: z.string(),
        system: z.string(),
        isUp: z.boolean(),
        since: time,
        errorCode: z.string().optional(),
        active: z.array(z.string()).optional().meta({ description: 'Members that are published to now.' }),
        failing: z.array(z.string()).optional(),
      }),
    ),
  }),
  problems: z.strictObject({
    scope,
    ...listOf(
      z.strictObject({
        code: z.string(),
        transport: z.string(),
        topic: z.string().optional(),
        group: z.string().optional(),
        reason: z.string().optional(),
      }),
    ),
  }),
  spools: z.strictObject({
    scope,
    messages: count,
    items: z.array(
      z.strictObject({
        transport: z.string(),
        messages: count,
        maxMessages: count,
        oldestAgeMs: amount,
        fullInMs: amount.optional(),
        isPaused: z.boolean(),
      }),
    ),
  }),
  backlogs: z
    .array(
      z.strictObject({
        transport: z.string(),
        scope,
        ready: count,
        inFlight: count,
        delayed: count,
        oldest: place.extend({ ageMs: amount }).optional(),
        groups: count.meta({ description: 'Groups that these figures are of.' }),
        unanswered: count.meta({ description: 'Groups whose backlog could not be read in time.' }),
      }),
    )
    .meta({ description: 'Of the groups that this process has handlers for, by transport.' }),
  deadLetters: z.strictObject({
    scope,
    total: count.optional(),
    pending: count.optional().meta({ description: 'Of the status `failed`.' }),
    lastHour: count.optional(),
    oldestPendingAt: time.optional(),
    errorCode: z.string().optional(),
  }),
  traffic: z.strictObject({
    scope,
    sinceStart: traffic,
    lastMinute: traffic,
    lastFiveMinutes: traffic,
  }),
  paused: z.strictObject({
    scope,
    isCurrent: z.boolean().meta({ description: 'False while the control store does not answer.' }),
    ...listOf(place.extend({ reason: z.string(), by: z.string(), since: time, until: time })),
  }),
  killSwitches: z.strictObject({
    scope,
    ...listOf(
      place.extend({
        handler: z.string(),
        transport: z.string(),
        errorType: z.string().optional(),
        since: time.optional(),
        held: count,
      }),
    ),
  }),
  components: z
    .record(z.string(), z.looseObject({ status }))
    .meta({ description: 'As the components of `/health`, of this process.' }),
});

export type Overview = z.output<typeof overviewAnswer>;
