import { Injectable } from '@nestjs/common';
import type { ControlStore } from '../../../core/messaging/ports/control-store.js';
import type { DeadLetterStore } from '../../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadLmdb } from './database/lmdb-client.js';
import type { EmbeddedOptions } from './embedded.options.js';

/** What stores get: the time, and who is called with what is wrong with their directory. */
type StoreContext = Pick<TransportContext, 'clock' | 'onEvent'>;

interface StoreOptions {
  readonly directory: string;
  readonly shared: boolean;
  /** Limit of dead letters, as the application sets it. */
  readonly maxBytes?: number | undefined;
}

/** What a dead letter takes on the disk may be so many times what limits count. */
const DISK_FACTOR = 4;
const MIN_DISK_BYTES = 4 * 2 ** 30;

/** Makes transports and stores on the local disk. Their code, and lmdb, are loaded when one is made. */
@Injectable()
export class EmbeddedDriver {
  /** Throws `DEPENDENCY_MISSING` when lmdb is missing, `DEPENDENCY_UNUSABLE` when it is another version or does not run. */
  async loadClient(): Promise<void> {
    await loadLmdb();
  }

  async createTransport(options: EmbeddedOptions, context: TransportContext): Promise<Transport> {
    const { EmbeddedTransport } = await import('./embedded.transport.js');
    return new EmbeddedTransport(options, context);
  }

  async createDeadLetterStore(
    { directory, shared, maxBytes = 0 }: StoreOptions,
    context: StoreContext,
  ): Promise<DeadLetterStore> {
    const { EmbeddedDeadLetterStore } = await import('./embedded-dead-letter.store.js');
    const diskBytes = Math.max(MIN_DISK_BYTES, DISK_FACTOR * maxBytes);
    return new EmbeddedDeadLetterStore({ directory, shared, maxBytes: diskBytes, ...context });
  }

  async createIdempotencyStore(
    { directory, shared }: StoreOptions,
    context: StoreContext,
  ): Promise<IdempotencyStore> {
    const { EmbeddedIdempotencyStore } = await import('./embedded-idempotency.store.js');
    return new EmbeddedIdempotencyStore({ directory, shared, ...context });
  }

  async createControlStore(
    { directory }: Pick<StoreOptions, 'directory'>,
    context: StoreContext,
  ): Promise<ControlStore> {
    const { EmbeddedControlStore } = await import('./embedded-control.store.js');
    return new EmbeddedControlStore({ directory, ...context });
  }
}
