import { Injectable } from '@nestjs/common';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadLmdb } from './database/lmdb-client.js';
import type { EmbeddedOptions } from './embedded.options.js';

/** What stores get: the time, and who is called with what is wrong with their directory. */
type StoreContext = Pick<TransportContext, 'clock' | 'onEvent'>;

/** Makes transports and stores on the local disk. Their code, and lmdb, are loaded when one is made. */
@Injectable()
export class EmbeddedDriver {
  /** Throws `DEPENDENCY_MISSING` when lmdb is missing. */
  async loadClient(): Promise<void> {
    await loadLmdb();
  }

  async createTransport(options: EmbeddedOptions, context: TransportContext): Promise<Transport> {
    const { EmbeddedTransport } = await import('./embedded.transport.js');
    return new EmbeddedTransport(options, context);
  }

  async createDeadLetterStore(directory: string, context: StoreContext): Promise<DeadLetterStore> {
    const { EmbeddedDeadLetterStore } = await import('./embedded-dead-letter.store.js');
    return new EmbeddedDeadLetterStore({ directory, ...context });
  }

  async createIdempotencyStore(directory: string, context: StoreContext): Promise<IdempotencyStore> {
    const { EmbeddedIdempotencyStore } = await import('./embedded-idempotency.store.js');
    return new EmbeddedIdempotencyStore({ directory, ...context });
  }
}
