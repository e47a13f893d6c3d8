import type { DeadLetterStore } from '../../core/messaging/dead-letters/dead-letter-store.js';
import type { IdempotencyStore } from '../../core/messaging/idempotency/idempotency-store.js';
import type { Clock } from '../../core/messaging/transport.js';

/** Which store, and where it keeps its data. */
export interface StoreSettings {
  readonly store: 'embedded' | 'memory';
  /** Of the embedded store. */
  readonly directory: string;
}

/** Makes the dead letter store that the settings ask for. Its client is imported only when it is wanted. */
export async function createDeadLetterStore(
  { store, directory }: StoreSettings,
  clock: Clock,
): Promise<DeadLetterStore> {
  if (store === 'memory') {
    const { MemoryDeadLetterStore } = await import('./memory/memory-dead-letter.store.js');
    return new MemoryDeadLetterStore({ clock });
  }
  const { EmbeddedDeadLetterStore } = await import('./embedded/embedded-dead-letter.store.js');
  return new EmbeddedDeadLetterStore({ directory, clock });
}

/** Makes the idempotency store that the settings ask for. */
export async function createIdempotencyStore(
  { store, directory }: StoreSettings,
  clock: Clock,
): Promise<IdempotencyStore> {
  if (store === 'memory') {
    const { MemoryIdempotencyStore } = await import('./memory/memory-idempotency.store.js');
    return new MemoryIdempotencyStore({ clock });
  }
  const { EmbeddedIdempotencyStore } = await import('./embedded/embedded-idempotency.store.js');
  return new EmbeddedIdempotencyStore({ directory, clock });
}
