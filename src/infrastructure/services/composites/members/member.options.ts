import { z } from 'zod';

/** How the members of a transport that combines others are judged. */
export const memberOptions = {
  attemptTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(1_000)
    .describe('Longest wait for one transport while there is another way for the message.'),
  failuresToOpen: z
    .int()
    .min(1)
    .max(1_000)
    .default(3)
    .describe('Failed publishes in a row after which a transport is left alone.'),
  probeIntervalMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(5_000)
    .describe('How often each transport is asked whether it could take a message.'),
  maxProbeIntervalMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(30_000)
    .describe('How far the pauses between these questions grow while a transport does not work.'),
};

export type MemberOptions = { readonly [name in keyof typeof memberOptions]: number };
