import { Redis } from 'ioredis';
import { systemClock } from '../../src/core/messaging/index.js';
import {
  RedisDeadLetterStore,
  RedisIdempotencyStore,
  redisOptionsSchema,
  RedisTransport,
} from '../../src/exports/redis.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { closeApps } from '../support/messaging-app.js';
import { checkLeftBehind } from './left-behind.js';
import { readSample, type SampleFile, samplesOf } from './sample-files.js';
import { REDIS_PREFIX, TRANSPORT } from './sample-messages.js';

let server: RedisServer;
beforeEach(async () => (server = await startRedis()), 60_000);
afterEach(async () => {
  await closeApps();
  await server.stop();
}, 60_000);

it.each(samplesOf('redis'))(
  'gives each message that commit $commit has left in Redis once, with all that belongs to it',
  async (sample) => {
    await restore(sample);
    const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: REDIS_PREFIX });
    await checkLeftBehind({
      transport: new RedisTransport(options, {
        name: TRANSPORT,
        clock: systemClock,
        onEvent: () => undefined,
      }),
      deadLetters: new RedisDeadLetterStore(options),
      idempotency: new RedisIdempotencyStore(options),
    });
  },
);

/** As a server has it that went on with the data: without the keys whose time is over. */
async function restore(sample: SampleFile<'redis'>): Promise<void> {
  const client = new Redis(server.clientOptions);
  try {
    for (const [key, { value, expiresAt }] of Object.entries(readSample(sample))) {
      const leftMs = expiresAt === undefined ? Infinity : Math.ceil(expiresAt - systemClock.now());
      if (leftMs <= 0) continue;
      await client.restore(key, leftMs === Infinity ? 0 : leftMs, Buffer.from(value, 'base64'));
    }
  } finally {
    client.disconnect();
  }
}
