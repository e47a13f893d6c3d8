import { z } from 'zod';
import { amount, count } from '../http/answers.js';

/** Consumer groups of transports that keep them. */
export const groupListAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      transport: z.string(),
      topic: z.string(),
      group: z.string(),
      isConsumed: z.boolean(),
      ready: count,
      inFlight: count,
      delayed: count,
      oldestAgeMs: amount.optional(),
    }),
  ),
});
