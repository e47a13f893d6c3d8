import { z } from 'zod';

const apiKeySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.@-]{1,64}$/)
    .meta({
      description: 'Name of the caller, for the audit log.',
      allowed: '1 to 64 letters, digits, ".", "@", "-" and "_"',
    }),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({
      description: 'SHA-256 of the key in hex (`printf %s "$KEY" | sha256sum`). Either this or `key`.',
      allowed: '64 lower-case hex digits',
      secret: true,
    })
    .optional(),
  key: z
    .string()
    .min(16)
    .max(256)
    .meta({
      description: 'The key itself. It is hashed when the configuration is read, and not kept.',
      allowed: '16 to 256 characters',
      secret: true,
    })
    .optional(),
});

/** The admin API. */
export const adminSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .describe('Serves the admin API. Without keys it refuses to start when NODE_ENV is production.')
      .default(true),
    apiKeys: z.array(apiKeySchema).describe('Callers of the admin API.').default([]),
    allowPayload: z
      .boolean()
      .describe('Shows payloads and headers of dead letters to callers of the API.')
      .default(false),
  })
  .prefault({});

export const healthSchema = z
  .strictObject({
    showDetails: z
      .enum(['never', 'when-authorized', 'always'])
      .describe('Who sees components as well as the status: `when-authorized` means holders of an API key.')
      .default('when-authorized'),
    readiness: z
      .enum(['any-path', 'all-required', 'ignore'])
      .describe(
        'When `/health/ready` passes: while messages can be published on some transport or its spool, while all of `requiredTransports` work, or whenever the process itself works.',
      )
      .default('any-path'),
    requiredTransports: z
      .array(z.string().min(1))
      .describe(
        'Transports that `all-required` asks for, also members of others. Without it all that are used.',
      )
      .optional(),
  })
  .prefault({});

export const metricsSchema = z
  .strictObject({ enabled: z.boolean().describe('Serves `/metrics`.').default(true) })
  .prefault({});
