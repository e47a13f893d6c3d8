import { z } from 'zod';
import { memberOptions } from '../members/member.options.js';

const DAY_MS = 86_400_000;

/** Options of the spooled transport, besides its two transports. */
export const spooledOptionsSchema = z.strictObject({
  ...memberOptions,
  maxProbeIntervalMs: memberOptions.maxProbeIntervalMs.default(5_000), // messages wait meanwhile
  onUnknown: z
    .enum(['spool', 'stop'])
    .default('spool')
    .describe(
      'What follows when it is unknown whether the transport has taken a message: `spool` keeps it under the same id to be sent once more, `stop` reports unknown.',
    ),
  maxMessages: z
    .int()
    .min(1)
    .default(1_000_000)
    .describe('Spooled messages at most. Beyond it publishing is unavailable; nothing is dropped.'),
  maxAgeMs: z
    .int()
    .min(1_000)
    .default(7 * DAY_MS)
    .describe(
      'While the oldest spooled message is older than this, publishing is unavailable; nothing is dropped.',
    ),
  drainPerSecond: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(5_000)
    .describe('Spooled messages sent a second once the transport works again, so that live ones have room.'),
});

export type SpooledOptions = z.output<typeof spooledOptionsSchema>;
