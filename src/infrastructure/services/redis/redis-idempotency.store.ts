import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { TransportProblem } from '../../../core/messaging/ports/transport.js';
import type { IdempotencyClaim, IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { RedisServerOptions } from './redis.options.js';
import { RedisStore, type RedisStoreContext } from './stores/redis-store.js';
import { BEGIN, COMPLETE, FIND_CLAIM, RELEASE } from './scripts/index.js';

/** Remembers in Redis which messages were handled, for all instances of an application. */
export class RedisIdempotencyStore implements IdempotencyStore {
  readonly #store: RedisStore;
  readonly #prefix: string;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(
    options: RedisServerOptions,
    { clock = systemClock, onEvent }: Partial<RedisStoreContext> = {},
  ) {
    this.#store = new RedisStore('idempotency', options, { clock, onEvent });
    this.#prefix = `${options.keyPrefix}handled:`;
  }

  connect(): Promise<void> {
    return this.#store.connect();
  }

  async begin(key: string, leaseMs: number): Promise<IdempotencyClaim> {
    const token = randomUUID();
    const reply = await this.#store.run(BEGIN, this.#prefix + key, [token, Math.ceil(leaseMs)]);
    if (Array.isArray(reply)) return this.#left(reply as [number, number]);
    if (reply === 'fresh') return { kind: 'fresh', token };
    return reply === 'done' ? { kind: 'done' } : { kind: 'busy', retryAfterMs: Math.max(0, Number(reply)) };
  }

  async find(key: string): Promise<'done' | 'busy' | undefined> {
    const reply = await this.#store.run(FIND_CLAIM, this.#prefix + key, []);
    return reply === 'done' || reply === 'busy' ? reply : undefined;
  }

  /** A process of the newer version may have handled the message: a later delivery finds out. */
  #left([retryAfterMs, format]: readonly [number, number]): IdempotencyClaim {
    this.#store.newer('claims', format);
    return { kind: 'busy', retryAfterMs };
  }

  problems(): readonly TransportProblem[] {
    return this.#store.problems();
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
