import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function redisBench(options: object, clock?: Clock): Bench<RedisTransport> {
  const settings = redisOptionsSchema.parse({ leaseMs: 1_500, keyPrefix: `${randomUUID()}:`, ...options });
  return bench((context) => new RedisTransport(settings, context), 'redis', clock);
}

export async function connected(options: object, clock?: Clock): Promise<Bench<RedisTransport>> {
  const made = redisBench(options, clock);
  await made.transport.connect();
  return made;
}
