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
  .describe(
    'For `redis`: the transport whose servers the store uses. Without it, the only transport of that kind.',
  )
  .optional();

const storeShared = (what: string) =>
  z
    .boolean()
    .describe(
      `Every process of the application should see the same ${what}. A store that only this process sees is logged at the start then, and shown in health as \`local\`, where messages come from a broker. \`false\` where one process is enough.`,
    )
    .default(true);

/** Limits of one message, checked before it is sent and before it is parsed. */
export const limitsSchema = z
  .strictObject({
    maxBodyBytes: z
      .number()
      .int()
      .min(1)
      .max(256 * 2 ** 20)
      .describe('Largest encoded payload. Brokers have limits of their own.')
      .default(4 * 2 ** 20),
    maxHeaders: z
      .number()
      .int()
      .min(0)
      .max(1_000)
      .describe('Most headers that the application may add to a message.')
      .default(64),
    maxHeaderBytes: z
      .number()
      .int()
      .min(0)
      .max(2 ** 20)
      .describe('Largest total size of the names and values of these headers.')
      .default(16 * 2 ** 10),
  })
  .prefault({});

const backoffSchema = z
  .strictObject({
    type: z
      .enum(['exponential', 'fixed'])
      .describe('`exponential` doubles the delay with every attempt; `fixed` keeps it.')
      .default('exponential'),
    delayMs: duration(0, DAY_MS).describe('Delay before the second attempt.').default(1_000),
    maxDelayMs: duration(0, 30 * DAY_MS)
      .describe('Longest wait.')
      .default(60_000),
    jitter: z
      .boolean()
      .describe(
        'Waits a random part of the delay, so that messages that failed together are not retried together. Without it, `exponential` does and `fixed` does not.',
      )
      .optional(),
  })
  .prefault({});

/** Defaults of handlers. */
export const handlerDefaultsSchema = z
  .strictObject({
    concurrency: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .describe('Most messages that one handler processes at a time, per process.')
      .default(16),
    attempts: z.number().int().min(1).max(1_000).describe('Most attempts, including the first.').default(5),
    backoff: backoffSchema,
    timeoutMs: duration(0, DAY_MS).describe('Longest run of a handler; 0 for no limit.').default(30_000),
    idempotencyWindowMs: duration(0, 365 * DAY_MS)
      .describe(
        'How long the id of a handled message is remembered, so that it is not handled twice; 0 disables this.',
      )
      .default(0),
  })
  .prefault({});

/** Where dead letters are stored. */
export const deadLettersSchema = z
  .strictObject({
    store: storeSchema,
    directory: z
      .string()
      .min(1)
      .describe('For `embedded`: its directory. Without it, `dead-letters` in `dataDir`.')
      .optional(),
    transport: storeTransport,
    shared: storeShared('dead letters'),
    maxAgeMs: duration(1, 3_650 * DAY_MS)
      .describe(
        'Age of a dead letter from which it is removed with `dropPending`. Without that it is reported from 80 % on.',
      )
      .optional(),
    maxCount: z
      .number()
      .int()
      .min(1)
      .max(1_000_000_000)
      .describe(
        'Most dead letters in the store, of any status. In a full store nothing is lost: a message that fails for the last time stays on its broker.',
      )
      .optional(),
    maxBytes: z
      .number()
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .describe(
        'Most bytes of dead letters in the store: bodies, headers and descriptions. As for `maxCount`.',
      )
      .optional(),
    dropPending: z
      .boolean()
      .describe(
        'Removes the oldest dead letters when a limit is reached: handled and archived ones first, then those that are `failed`, whose messages are lost.',
      )
      .default(false),
  })
  .prefault({});

/** Where the ids of handled messages are stored. */
export const idempotencySchema = z
  .strictObject({
    store: storeSchema,
    directory: z
      .string()
      .min(1)
      .describe('For `embedded`: its directory. Without it, `idempotency` in `dataDir`.')
      .optional(),
    transport: storeTransport,
    shared: storeShared('records of handled messages'),
  })
  .prefault({});

/** Where is stored what operators set while the application runs. */
export const controlSchema = z
  .strictObject({
    store: z
      .enum(['embedded', 'memory', 'redis'])
      .describe(
        'Where pauses and limits that operators set are stored. With `redis` they apply to all instances of the application, else to the process that was asked. Without it, as `deadLetters.store`, and `memory` where that is a function.',
      )
      .optional(),
    directory: z
      .string()
      .min(1)
      .describe('For `embedded`: its directory. Without it, `control` in `dataDir`.')
      .optional(),
    transport: storeTransport,
  })
  .prefault({});
