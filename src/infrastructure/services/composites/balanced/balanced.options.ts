import { z } from 'zod';
import { memberOptions } from '../members/member.options.js';

/** Options of the balanced transport, besides its members. */
export const balancedOptionsSchema = z.strictObject({
  ...memberOptions,
  strategy: z
    .enum(['round-robin', 'least-in-flight', 'latency'])
    .default('round-robin')
    .describe(
      'Which member gets messages without a key: each its share, the one with the least in flight, or the quicker of two at random. A key always goes to the same member.',
    ),
  weights: z
    .array(z.int().min(1).max(1_000))
    .optional()
    .describe('Share of each member, in their order. Absent: all the same.'),
  onUnknown: z
    .enum(['next', 'stop'])
    .default('next')
    .describe(
      'What follows when it is unknown whether a member has taken a message: `next` publishes it on another under the same id, `stop` reports unknown.',
    ),
});

export type BalancedOptions = Omit<z.output<typeof balancedOptionsSchema>, 'weights'> & {
  readonly weights?: readonly number[] | undefined;
};
