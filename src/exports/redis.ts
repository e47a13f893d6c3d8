export { RedisControlStore } from '../infrastructure/services/redis/redis-control.store.js';
export { RedisDeadLetterStore } from '../infrastructure/services/redis/redis-dead-letter.store.js';
export { RedisIdempotencyStore } from '../infrastructure/services/redis/redis-idempotency.store.js';
export * from '../infrastructure/services/redis/redis.module.js';
export {
  type RedisOptions,
  redisOptionsSchema,
  type RedisServerOptions,
} from '../infrastructure/services/redis/redis.options.js';
export { RedisTransport } from '../infrastructure/services/redis/redis.transport.js';
export { RedisDriver } from '../infrastructure/services/redis/redis.driver.js';
