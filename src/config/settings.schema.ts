import { z } from 'zod';

import { DRAIN_SIGNALS } from '../core/messaging/ports/drain-signals.js';
import { insecuritySchema, transportSettingsSchema } from '../infrastructure/services/transports.js';
import { ALLOWED_NAME } from './explain.js';
import {
  controlSchema,
  deadLettersSchema,
  handlerDefaultsSchema,
  idempotencySchema,
  limitsSchema,
} from './messaging.schema.js';
import { adminSchema, healthSchema, metricsSchema, redactionSchema } from './operations.schema.js';

const HOUR_MS = 3_600_000;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

const routeSchema = z.strictObject({
  match: z.string().describe('A topic, or a pattern: `*` is one segment, `**` any number of them.'),
  transport: z.string().describe('Name of a configured transport.'),
});

const serviceSchema = name.meta({
  description: 'Name of the application: the default consumer group, and the source of its messages.',
  allowed: ALLOWED_NAME,
});

/**
 * The schema of all settings of the package. An application may extend it with its own keys; the options of each
 * kind of transport come from that transport's folder.
 */
export const settingsSchema = z.strictObject({
  service: serviceSchema,
  production: z
    .boolean()
    .describe(
      "Refuses what is safe on a developer's machine only: the user guest, passwords without encryption to another machine, certificates that are not verified, an admin API without keys. Without it: whether NODE_ENV is `production`.",
    )
    .optional(),
  allowInsecure: z
    .array(insecuritySchema)
    .describe(
      'What production permits nevertheless; each use is logged at the start. `guest`: the user guest of RabbitMQ. `plaintext-auth`: passwords without encryption. `tls`: certificates that are not verified.',
    )
    .default([]),
  dataDir: z
    .string()
    .min(1)
    .describe('Directory of all durable data; a part may have a directory of its own.')
    .default('./data'),
  transports: z
    .record(name, transportSettingsSchema)
    .describe('Transports by name. Without any: `local`, embedded.'),
  routes: z
    .array(routeSchema)
    .describe(
      'Which transport carries a topic; the first match wins. Without any, everything uses the only transport.',
    )
    .optional(),
  drain: z
    .array(z.string())
    .describe(
      'Transports without a route that are still consumed, because they hold messages of earlier routes.',
    )
    .default([]),
  fallback: z
    .enum(['none', 'memory', 'embedded'])
    .describe(
      'Sends every route to a transport of this kind and ignores `routes`. Use it to leave a broker that does not work.',
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
    .describe('Most messages that are in flight to one transport; above it, publishing fails.')
    .default(10_000),
  maxInFlightBytes: z
    .number()
    .int()
    .min(1024)
    .describe('Most bytes that are in flight to one transport; above it, publishing fails.')
    .default(64 * 2 ** 20),
  maxRequestsInFlight: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .describe('Most requests of a process that wait for their reply; above it, a request fails at once.')
    .default(10_000),
  drainTimeoutMs: z
    .number()
    .int()
    .min(0)
    .max(HOUR_MS)
    .describe(
      'Longest wait for running handlers at shutdown. Keep it below the kill timeout of the orchestrator.',
    )
    .default(25_000),
  drainSignal: z
    .enum(DRAIN_SIGNALS)
    .describe(
      'A signal upon which the process consumes nothing more and still publishes, until it ends. Without it, none.',
    )
    .optional(),
  registerHandlers: z
    .boolean()
    .describe('`false` for a process that only publishes: handlers are ignored and nothing is consumed.')
    .default(true),
  globalEnhancers: z
    .boolean()
    .describe('Runs global guards, pipes, interceptors and filters for messages too.')
    .default(false),
  limits: limitsSchema,
  defaults: handlerDefaultsSchema,
  deadLetters: deadLettersSchema,
  idempotency: idempotencySchema,
  control: controlSchema,
  redaction: redactionSchema,
  admin: adminSchema,
  health: healthSchema,
  metrics: metricsSchema,
});
