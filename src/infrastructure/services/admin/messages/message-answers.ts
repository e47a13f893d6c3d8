import { z } from 'zod';
import {
  FINDING_KINDS,
  LOOKUP_SOURCES,
  WHEREABOUTS_STATES,
} from '../../../../core/messaging/lookup/message-whereabouts.js';
import { amount, count, openWord, time } from '../http/answers.js';

const source = openWord(LOOKUP_SOURCES);
const state = openWord(WHEREABOUTS_STATES);

const finding = z.strictObject({
  at: time.optional(),
  source,
  what: openWord(FINDING_KINDS),
  topic: z.string(),
  group: z.string().optional(),
  handler: z.string().optional(),
  transport: z.string().optional(),
  attempt: count.optional(),
  reason: z.string().optional(),
  dueAt: time.optional(),
  deadLetterId: z.string().optional(),
});

const backlog = z.strictObject({
  transport: z.string(),
  isConsumed: z.boolean().optional(),
  ready: count,
  inFlight: count,
  delayed: count,
  oldestAgeMs: amount.optional(),
});

/** What is known of one message. */
export const messageAnswer = z.strictObject({
  id: z.string(),
  state,
  detail: z.string().meta({ description: 'Answers "Why is this message not done?" in a sentence.' }),
  createdAt: time.optional().meta({ description: 'When its id was made. Absent where the id does not say.' }),
  lastSeen: finding.optional(),
  findings: z.array(finding),
  groups: z.array(
    z.strictObject({
      topic: z.string(),
      group: z.string(),
      state,
      detail: z.string(),
      at: time.optional(),
      heldBy: z.string().optional().meta({ description: 'Why the group takes nothing now.' }),
      backlogs: z.array(backlog),
    }),
  ),
  sources: z.array(
    z.strictObject({
      source,
      scope: openWord(['process', 'shared']),
      status: openWord(['found', 'nothing', 'unknown', 'failed']),
      transport: z.string().optional(),
      since: time.optional().meta({ description: 'It remembers nothing before this.' }),
      errorCode: z.string().optional(),
    }),
  ),
  transports: z
    .array(z.strictObject({ transport: z.string(), system: z.string(), unknowable: z.array(z.string()) }))
    .meta({ description: 'What cannot be known on each.' }),
});
