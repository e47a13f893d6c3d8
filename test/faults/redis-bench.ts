import { randomUUID } from 'node:crypto';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function redisBench(options: object): Bench<RedisTransport> {
  const settings = redisOptionsSchema.parse({ leaseMs: 1_500, keyPrefix: `${randomUUID()}:`, ...options });
  return bench((context) => new RedisTransport(settings, context), 'redis');
}

export async function connected(options: object): Promise<Bench<RedisTransport>> {
  const made = redisBench(options);
  await made.transport.connect();
  return made;
}
