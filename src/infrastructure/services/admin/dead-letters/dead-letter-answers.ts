import { z } from 'zod';
import {
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATUSES,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import { HIDDEN_BECAUSE } from '../../../../core/messaging/redaction/redactor.js';
import { amount, count, openWord, time } from '../http/answers.js';

const status = openWord(DEAD_LETTER_STATUSES);
const reason = openWord(DEAD_LETTER_REASONS);
const error = z.strictObject({
  type: z.string(),
  message: z.string(),
  code: z.string().optional(),
  stack: z.string().optional(),
});

/** What `viewOfSummary` shows. */
const summaryAnswer = z.strictObject({
  id: z.string(),
  status,
  topic: z.string(),
  group: z.string(),
  handler: z.string(),
  transport: z.string(),
  messageId: z.string(),
  key: z.string().optional(),
  correlationId: z.string().optional(),
  reason,
  error,
  fingerprint: z.string(),
  attempts: count,
  replayCount: count,
  publishedAt: time.optional(),
  firstFailedAt: time.optional(),
  deadLetteredAt: time.optional(),
  updatedAt: time.optional(),
  payload: z.strictObject({
    contentType: z.string().optional(),
    bytes: count,
    hidden: z.literal(true),
  }),
  replayable: z.boolean(),
  etag: z.string(),
});

/** What `viewOfDeadLetter` shows. */
export const deadLetterAnswer = summaryAnswer.extend({
  type: z.string().optional(),
  traceId: z.string().optional(),
  history: z.array(z.strictObject({ attempt: count, at: time.optional(), errorType: z.string() })),
  headers: z.record(z.string(), z.string()),
  payload: z.strictObject({
    contentType: z.string().optional(),
    bytes: count,
    hidden: z.literal(true).optional(),
    hiddenBecause: openWord(HIDDEN_BECAUSE).optional().meta({
      description:
        'Why a payload cannot be masked, and is not shown: no JSON or nested too deep, or longer than 256 KiB.',
    }),
    masked: z
      .literal(true)
      .optional()
      .meta({ description: 'The preview lacks what is configured as hidden.' }),
    encoding: z.enum(['utf8', 'base64']).optional(),
    preview: z.string().optional(),
    truncated: z.boolean().optional(),
  }),
});

const storageAnswer = z.strictObject({
  count: count.optional(),
  bytes: count.optional(),
  maxCount: amount.optional(),
  maxBytes: amount.optional(),
  maxAgeMs: amount.optional(),
  dropPending: z.boolean(),
  problems: z.array(z.strictObject({ code: z.string(), reason: z.string() })),
});

const page = z.strictObject({ nextCursor: z.string().nullable(), limit: count });

/** A page of dead letters, and how full the store is. */
export const listAnswer = z.strictObject({ items: z.array(summaryAnswer), page, storage: storageAnswer });

/** Failures by fingerprint. */
export const groupsAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      fingerprint: z.string(),
      topic: z.string(),
      group: z.string(),
      handler: z.string(),
      reason,
      errorType: z.string(),
      errorMessage: z.string(),
      count,
      firstAt: time.optional(),
      lastAt: time.optional(),
      sampleIds: z.array(z.string()),
    }),
  ),
  page,
  storage: storageAnswer,
});
