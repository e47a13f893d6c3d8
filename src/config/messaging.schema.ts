import { z } from 'zod';

const DAY_MS = 86_400_000;

const duration = (minMs: number, maxMs: number) => z.number().int().min(minMs).max(maxMs);

const storeSchema = z
  .enum(['embedded', 'memory', 'redis'])
  .describe(
    '`embedded` survives the process, `memory` does not, `redis` is shared by all instances of the application.',
  )
  .default('embedded');

const storeTransport = z
  .string()
  .min(1)
  .describe('Of the store in Redis: the transport whose servers it uses. Without: the only one of that kind.')
  .optional();

/** Bounds of one message, checked before it is sent and before it is parsed. */
export const limitsSchema = z
  .strictObject({
    maxBodyBytes: z
      .number()
      .int()
      .min(1)
      .max(256 * 2 ** 20)
      .describe('Encoded payload. Brokers have limits of their own.')
      .default(4 * 2 ** 20),
    maxHeaders: z
      .number()
      .int()
      .min(0)
      .max(1_000)
      .describe('Headers that the application may add.')
      .default(64),
    maxHeaderBytes: z
      .number()
      .int()
      .min(0)
      .max(2 ** 20)
      .describe('Names and values of these headers together.')
      .default(16 * 2 ** 10),
  })
  .prefault({});

const backoffSchema = z
  .strictObject({
    type: z
      .enum(['exponential', 'fixed'])
      .describe('Whether the delay doubles with every attempt.')
      .default('exponential'),
    delayMs: duration(0, DAY_MS).describe('Wait before the second attempt.').default(1_000),
    maxDelayMs: duration(0, 30 * DAY_MS)
      .describe('Longest wait.')
      .default(60_000),
    jitter: z
      .boolean()
      .describe(
        'Wait a random part of the delay, so that messages that failed together do not come back together.',
      )
      .default(true),
  })
  .prefault({});

/** What handlers get that do not say otherwise. */
export const handlerDefaultsSchema = z
  .strictObject({
    concurrency: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .describe('Messages of one handler at a time, per process.')
      .default(16),
    attempts: z.number().int().min(1).max(1_000).describe('Attempts in all, the first included.').default(5),
    backoff: backoffSchema,
    timeoutMs: duration(0, DAY_MS).describe('Longest run of a handler; 0 for no limit.').default(30_000),
    idempotencyWindowMs: duration(0, 365 * DAY_MS)
      .describe(
        'How long a handled message is remembered, so that it is not handled twice; 0 for not at all.',
      )
      .default(0),
  })
  .prefault({});

/** Where messages are kept that were given up. */
export const deadLettersSchema = z
  .strictObject({
    store: storeSchema,
    directory: z
      .string()
      .min(1)
      .describe('Of the embedded store. Without: `dead-letters` in `dataDir`.')
      .optional(),
    transport: storeTransport,
  })
  .prefault({});

/** Where it is remembered which messages were handled. */
export const idempotencySchema = z
  .strictObject({
    store: storeSchema,
    directory: z
      .string()
      .min(1)
      .describe('Of the embedded store. Without: `idempotency` in `dataDir`.')
      .optional(),
    transport: storeTransport,
  })
  .prefault({});
