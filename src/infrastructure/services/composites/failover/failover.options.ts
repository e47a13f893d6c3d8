import { z } from 'zod';
import { memberOptions } from '../members/member.options.js';

/** Options of the failover transport, besides its members. */
export const failoverOptionsSchema = z.strictObject({
  ...memberOptions,
  onUnknown: z
    .enum(['next', 'stop'])
    .default('next')
    .describe(
      'What follows when it is unknown whether a member has taken a message: `next` publishes it on the next one under the same id, `stop` reports unknown.',
    ),
  failBackAfterMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(60_000)
    .describe('How long an earlier member has to work without a failure before it is used again.'),
});

export type FailoverOptions = z.output<typeof failoverOptionsSchema>;
