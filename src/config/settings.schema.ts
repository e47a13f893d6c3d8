import { z } from 'zod';

import { transportSettingsSchema } from '../infrastructure/services/transports.js';
import { ALLOWED_NAME } from './explain.js';
import {
  deadLettersSchema,
  handlerDefaultsSchema,
  idempotencySchema,
  limitsSchema,
} from './messaging.schema.js';
import { adminSchema, healthSchema, metricsSchema } from './operations.schema.js';

const HOUR_MS = 3_600_000;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

const routeSchema = z.strictObject({
  match: z.string().describe('A topic or a pattern: `*` is one segment, `**` any number of them.'),
  transport: z.string().describe('Name of a configured transport.'),
});

export const serviceSchema = name.meta({
  description: 'Name of the application: default consumer group and source of its messages.',
  allowed: ALLOWED_NAME,
});

/**
 * The schema of everything that the package lets configure. An application may extend it with keys of its own; the options of
 * each kind of transport come from that transport's folder.
 */
export const settingsSchema = z.strictObject({
  service: serviceSchema,
  dataDir: z
    .string()
    .min(1)
    .describe('Directory that everything durable is kept in, unless a part has a directory of its own.')
    .default('./data'),
  transports: z
    .record(name, transportSettingsSchema)
    .describe('What carries messages, by name. Without any: `local`, embedded.'),
  routes: z
    .array(routeSchema)
    .describe(
      'Which transport carries a topic; the first match wins. Without any: everything on the only transport.',
    )
    .optional(),
  drain: z
    .array(z.string())
    .describe(
      'Transports that are still consumed although no route leads there, because they hold messages of earlier routes.',
    )
    .default([]),
  fallback: z
    .enum(['none', 'memory', 'embedded'])
    .describe(
      'Sends every route to a transport of this kind, whatever `routes` says: the way back when a broker disappoints.',
    )
    .default('none'),
  connect: z
    .enum(['required', 'background'])
    .describe(
      '`required` fails the start when a transport cannot be reached; `background` starts and keeps trying.',
    )
    .default('required'),
  publishDeadlineMs: z
    .number()
    .int()
    .min(1)
    .max(HOUR_MS)
    .describe('Longest wait for the receipt of a publish.')
    .default(10_000),
  maxInFlight: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .describe('Messages on their way to one transport, beyond which publishing fails.')
    .default(10_000),
  maxInFlightBytes: z
    .number()
    .int()
    .min(1024)
    .describe('Bytes on their way to one transport, beyond which publishing fails.')
    .default(64 * 2 ** 20),
  drainTimeoutMs: z
    .number()
    .int()
    .min(0)
    .max(HOUR_MS)
    .describe(
      'Longest wait for running handlers at shutdown. Keep it below the kill timeout of whatever stops the process.',
    )
    .default(25_000),
  limits: limitsSchema,
  defaults: handlerDefaultsSchema,
  deadLetters: deadLettersSchema,
  idempotency: idempotencySchema,
  admin: adminSchema,
  health: healthSchema,
  metrics: metricsSchema,
});
