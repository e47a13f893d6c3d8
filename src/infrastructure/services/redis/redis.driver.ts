import { Injectable } from '@nestjs/common';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Clock, Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadIoredis } from './client/ioredis-client.js';
import type { RedisOptions, RedisServerOptions } from './redis.options.js';

/** Makes transports and stores in Redis. Their code, and ioredis, are loaded when one is made. */
@Injectable()
export class RedisDriver {
  /** Throws `DEPENDENCY_MISSING` when ioredis is missing or too old. */
  async loadClient(): Promise<void> {
    await loadIoredis();
  }

  async createTransport(options: RedisOptions, context: TransportContext): Promise<Transport> {
    const { RedisTransport } = await import('./redis.transport.js');
    return new RedisTransport(options, context);
  }

  async createDeadLetterStore(options: RedisServerOptions, clock: Clock): Promise<DeadLetterStore> {
    const { RedisDeadLetterStore } = await import('./redis-dead-letter.store.js');
    return new RedisDeadLetterStore(options, { clock });
  }

  async createIdempotencyStore(options: RedisServerOptions): Promise<IdempotencyStore> {
    const { RedisIdempotencyStore } = await import('./redis-idempotency.store.js');
    return new RedisIdempotencyStore(options);
  }
}
