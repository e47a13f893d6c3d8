import { randomUUID } from 'node:crypto';
import type { IdempotencyClaim, IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { RedisServerOptions } from './redis.options.js';
import { RedisStore } from './stores/redis-store.js';
import { BEGIN, COMPLETE, RELEASE } from './scripts/index.js';

/** Remembers in Redis which messages were handled, for all instances of an application. */
export class RedisIdempotencyStore implements IdempotencyStore {
  readonly #store: RedisStore;
  readonly #prefix: string;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(options: RedisServerOptions) {
    this.#store = new RedisStore('idempotency', options);
    this.#prefix = `${options.keyPrefix}handled:`;
  }

  connect(): Promise<void> {
    return this.#store.connect();
  }

  async begin(key: string, leaseMs: number): Promise<IdempotencyClaim> {
    const token = randomUUID();
    const reply = await this.#store.run(BEGIN, this.#prefix + key, [token, Math.ceil(leaseMs)]);
    if (reply === 'fresh') return { kind: 'fresh', token };
    return reply === 'done' ? { kind: 'done' } : { kind: 'busy', retryAfterMs: Math.max(0, Number(reply)) };
  }

  async complete(key: string, token: string, windowMs: number): Promise<void> {
    await this.#store.run(COMPLETE, this.#prefix + key, [token, Math.ceil(windowMs)]);
  }

  async release(key: string, token: string): Promise<void> {
    await this.#store.run(RELEASE, this.#prefix + key, [token]);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
