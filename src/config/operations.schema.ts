import { z } from 'zod';

import {
  problemsOfRule,
  problemsOfTopics,
  REDACTION_ACTIONS,
} from '../core/messaging/redaction/redaction-options.js';

const ROLES = ['viewer', 'operator', 'admin', 'payload:read'] as const;

const topics = (description: string) => z.array(z.string()).describe(description).optional();

const apiKeySchema = z
  .strictObject({
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
    roles: z
      .array(z.enum(ROLES))
      .min(1)
      .describe(
        'What the caller may do: `viewer` looks, `operator` replays and pauses as well, `admin` discards and overrides as well. `payload:read` is apart from these: payloads as they are, where `allowPayload` permits it.',
      )
      .default([...ROLES]),
    topics: topics(
      'Topics that the caller sees, as names or patterns; what concerns the whole process is denied then. Without it, all.',
    ),
  })
  .superRefine((key, context) => {
    for (const problem of problemsOfTopics(key.topics))
      context.addIssue({ code: 'custom', message: `${problem}.` });
  });

const redactionRuleSchema = z
  .strictObject({
    path: z
      .string()
      .describe('A field of JSON payloads, from their root: `customer.email`, `items[*].card`, `["a.b"][0]`.')
      .optional(),
    name: z
      .string()
      .describe(
        'A regular expression without `*`, `+` and `{`, tried without regard to case against the names of fields at any depth and of headers, and against names in error texts.',
      )
      .optional(),
    messageKey: z.boolean().describe('`true` for the key of the message itself.').optional(),
    action: z
      .enum(REDACTION_ACTIONS)
      .describe(
        '`remove` leaves the field out, `replace` shows `***`, `mask` shows `***` with the last 4 characters of 16 and more and the last 2 of 8 and more, and `keep` shows it whatever later rules say.',
      ),
    topics: topics('Topics that the rule holds for, as names or patterns. Without it, all.'),
  })
  .superRefine((rule, context) => {
    for (const problem of problemsOfRule(rule)) context.addIssue({ code: 'custom', message: `${problem}.` });
  });

/** What of messages is shown to operators and in logs. */
export const redactionSchema = z
  .strictObject({
    rules: z
      .array(redactionRuleSchema)
      .describe(
        'What is hidden in payloads, headers, keys and error texts. The first rule that matches a field wins.',
      )
      .default([]),
    defaults: z
      .boolean()
      .describe(
        'After the rules, replaces what names call a secret: password, token, apiKey, authorization, cookie and the like.',
      )
      .default(true),
  })
  .prefault({});

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
      .describe(
        'Shows payloads and headers of dead letters as they are to callers with the role `payload:read`.',
      )
      .default(false),
    allowMaskedPayload: z
      .boolean()
      .describe('Shows every caller payloads of dead letters, without what `redaction` hides.')
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
