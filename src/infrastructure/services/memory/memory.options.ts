import { z } from 'zod';

const MIB = 2 ** 20;

/** Options of the memory transport. */
export const memoryOptionsSchema = z.strictObject({
  maxMessages: z
    .number()
    .int()
    .min(1)
    .max(100_000_000)
    .describe('Messages held at a time, beyond which publishing fails. Nothing is dropped.')
    .default(1_000_000),
  maxBytes: z
    .number()
    .int()
    .min(1)
    .describe('Bytes of bodies held at a time, beyond which publishing fails.')
    .default(256 * MIB),
  maxMessageBytes: z
    .number()
    .int()
    .min(1)
    .describe('Largest body. A larger one is refused.')
    .default(16 * MIB),
});

export type MemoryOptions = z.output<typeof memoryOptionsSchema>;
