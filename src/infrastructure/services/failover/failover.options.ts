import { z } from 'zod';

/** Options of the failover transport, besides its members. */
export const failoverOptionsSchema = z.strictObject({
  attemptTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(1_000)
    .describe('Longest wait for one member while another is left to try.'),
  onUnknown: z
    .enum(['next', 'stop'])
    .default('next')
    .describe(
      'What follows when nobody knows whether a member has taken a message: `next` publishes it on the next one under the same id, `stop` says unknown.',
    ),
  failuresToOpen: z
    .int()
    .min(1)
    .max(1_000)
    .default(3)
    .describe('Failed publishes in a row after which a member is left alone.'),
  probeIntervalMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(5_000)
    .describe('How often each member is asked whether it could take a message.'),
  maxProbeIntervalMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(30_000)
    .describe('How far the pauses between these questions grow while a member does not work.'),
  failBackAfterMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(60_000)
    .describe('How long an earlier member has to work without a failure before it is used again.'),
});

export type FailoverOptions = z.output<typeof failoverOptionsSchema>;
