import { z } from 'zod';

const MiB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** lmdb addresses far more; beyond this an embedded log is the wrong tool. */
const LARGEST_DATABASE_BYTES = 1024 * 1024 * MiB;

/** Options of the embedded transport. Times in milliseconds, sizes in bytes. */
export const embeddedOptionsSchema = z.strictObject({
  directory: z
    .string()
    .min(1)
    .default('./data')
    .describe(
      'Where the messages lie. One process at a time can use it. Made with access for its owner only.',
    ),
  maxBytes: z
    .int()
    .min(MiB)
    .max(LARGEST_DATABASE_BYTES)
    .default(4 * 1024 * MiB)
    .describe('Messages kept at most. Beyond it publishing is unavailable; nothing is dropped.'),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(64 * MiB)
    .default(16 * MiB)
    .describe('Largest message, headers included. A larger one is refused.'),
  orphanRetentionMs: z
    .int()
    .min(1)
    .default(7 * DAY_MS)
    .describe('How long messages of a topic are kept that no group has ever read.'),
  maxUnreadAgeMs: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Messages older than this are removed although a group has not read them; an event reports how many. Absent: never.',
    ),
});

/** As the constructor takes them; {@link embeddedOptionsSchema} makes them from what a user wrote. */
export type EmbeddedOptions = Omit<z.output<typeof embeddedOptionsSchema>, 'maxUnreadAgeMs'> & {
  readonly maxUnreadAgeMs?: number | undefined;
};
