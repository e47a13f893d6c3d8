import { z } from 'zod';
import { amount, count, openWord, scope, time } from '../http/answers.js';

const schema = z.looseObject({}).meta({ description: 'JSON schema of what is published.' });
const schemaMissing = openWord(['unsupported', 'failed', 'too-large', 'untyped']);

const traffic = z.strictObject({
  scope,
  published: count,
  publishFailed: count,
  handled: count,
  failed: count,
  lastPublishedAt: time.optional(),
  lastHandledAt: time.optional(),
});

const topic = z.strictObject({
  topic: z.string(),
  kind: openWord(['message', 'request', 'untyped']),
  aliasOf: z
    .string()
    .optional()
    .meta({ description: 'The message type that has this name as an earlier one.' }),
  aliases: z.array(z.string()),
  hasKey: z.boolean(),
  ordering: openWord(['none', 'strict']).meta({ description: '`strict`: never moves to another broker.' }),
  version: z.int().optional(),
  transport: z.string().optional().meta({ description: 'What publishing uses. Absent without a route.' }),
  schema: schema.optional(),
  schemaMissing: schemaMissing.optional().meta({ description: 'Why there is no schema.' }),
  replySchema: schema.optional(),
  replySchemaMissing: schemaMissing.optional(),
  handlers: z
    .array(
      z.strictObject({
        handler: z.string(),
        group: z.string(),
        transport: z.string(),
        ordering: openWord(['none', 'key']),
        concurrency: count,
        state: openWord(['starting', 'running', 'interrupted', 'paused', 'drained', 'stopped']),
      }),
    )
    .meta({ description: 'Of the process that answers.' }),
  traffic,
});

/** The topics that the process knows, by name. */
export const topicListAnswer = z.strictObject({
  items: z.array(topic),
  page: z.strictObject({ nextCursor: z.string().nullable(), limit: count }),
});

/** One topic, with what stores and brokers know of it. */
export const topicAnswer = topic.extend({
  groups: z
    .array(
      z.strictObject({
        transport: z.string(),
        group: z.string(),
        isConsumed: z.boolean(),
        ready: count,
        inFlight: count,
        delayed: count,
        oldestAgeMs: amount.optional(),
      }),
    )
    .meta({ description: 'Of transports that keep groups; at most 200.' }),
  unanswered: z.array(z.string()).meta({ description: 'Transports that did not answer in time.' }),
  deadLetters: z.strictObject({
    scope,
    total: count.optional(),
    pending: count.optional(),
    errorCode: z.string().optional(),
  }),
});

export type TopicView = z.output<typeof topic>;
export type TopicDetails = z.output<typeof topicAnswer>;
