import { z } from 'zod';
import { amount, count, openWord } from '../http/answers.js';

const spool = z.strictObject({
  messages: count,
  maxMessages: count,
  oldestAgeMs: amount,
  disk: z.strictObject({ bytes: count, maxBytes: amount }).optional(),
  fullInMs: amount.optional(),
  isPaused: z.boolean(),
});

/** State of a transport that combines others. */
const compositeState = z.strictObject({
  active: z.array(z.string()),
  members: z.array(
    z.strictObject({
      name: z.string(),
      works: z.boolean(),
      breaker: z.enum(['closed', 'open']),
      isLeftOut: z.boolean(),
      inside: z
        .looseObject({ active: z.array(z.string()) })
        .optional()
        .meta({ description: 'State of its own members, in the same form.' }),
    }),
  ),
  spool: spool.optional(),
  lastSwitch: z
    .strictObject({
      from: z.string(),
      to: z.string(),
      reason: z.string(),
      errorCode: z.string().optional(),
      at: z.number().meta({ description: 'Milliseconds since 1970.' }),
    })
    .optional(),
  switches: z.array(z.strictObject({ from: z.string(), to: z.string(), count })).optional(),
});

/** A transport, with the state of its members where it has some. */
export const transportAnswer = z.strictObject({
  name: z.string(),
  system: z.string(),
  durability: openWord(['memory', 'acknowledged', 'replicated']),
  ...compositeState.partial().shape,
  kept: z
    .array(
      z.strictObject({
        place: z.string(),
        messages: count,
        topic: z.string().optional(),
        group: z.string().optional(),
      }),
    )
    .optional()
    .meta({ description: 'Messages outside of all groups, which `release` sends on.' }),
});

/** Every transport, also members of others. */
export const transportListAnswer = z.strictObject({ items: z.array(transportAnswer) });

/** What an action has changed: the transport as it is then, or how many messages were released. */
export const actionAnswer = z.union([transportAnswer, z.strictObject({ released: count })]);
