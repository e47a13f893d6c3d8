import { Injectable } from '@nestjs/common';
import type { ControlStore } from '../../../core/messaging/ports/control-store.js';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadIoredis } from './client/ioredis-client.js';
import type { RedisOptions, RedisServerOptions } from './redis.options.js';

/** What stores get: the time, and who is called with what is wrong with their keys. */
type StoreContext = Pick<TransportContext, 'clock' | 'onEvent'>;

/** Makes transports and stores in Redis. Their code, and ioredis, are loaded when one is made. */
@Injectable()
export class RedisDriver {
  /** Throws `DEPENDENCY_MISSING` when ioredis is missing, `DEPENDENCY_UNUSABLE` when it is another version. */
  async loadClient(): Promise<void> {
    await loadIoredis();
  }

  async createTransport(options: RedisOptions, context: TransportContext): Promise<Transport> {
    const { RedisTransport } = await import('./redis.transport.js');
    return new RedisTransport(options, context);
  }

  async createDeadLetterStore(options: RedisServerOptions, context: StoreContext): Promise<DeadLetterStore> {
    const { RedisDeadLetterStore } = await import('./redis-dead-letter.store.js');
    return new RedisDeadLetterStore(options, context);
  }

  async createIdempotencyStore(
    options: RedisServerOptions,
    context: StoreContext,
  ): Promise<IdempotencyStore> {
    const { RedisIdempotencyStore } = await import('./redis-idempotency.store.js');
    return new RedisIdempotencyStore(options, context);
  }

  async createControlStore(options: RedisServerOptions, context: StoreContext): Promise<ControlStore> {
    const { RedisControlStore } = await import('./redis-control.store.js');
    return new RedisControlStore(options, context);
  }
}
