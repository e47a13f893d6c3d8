import { z } from 'zod';

/** An error response, as RFC 9457 has it. */
export const problemAnswer = z.strictObject({
  type: z.string().meta({ description: 'urn:problem:messaging:… A stable name.' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().meta({ description: 'urn:request:… with the id in `X-Request-Id`.' }),
  errors: z
    .array(z.strictObject({ pointer: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'Each mistake in the request.' }),
});
