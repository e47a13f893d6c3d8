import type { DeadLetterStore } from '../../core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../core/messaging/ports/idempotency-store.js';
import { MessagingConfigurationError } from '../../core/messaging/ports/errors.js';
import type { Clock, TransportEvent } from '../../core/messaging/ports/transport.js';
import type { RedisServerOptions } from './redis/redis.options.js';
import type { TransportSettings } from './transports.js';

/** The kind of a store, and where its data is. */
export interface StoreSettings {
  readonly store: 'embedded' | 'memory' | 'redis';
  /** For the embedded store. */
  readonly directory: string;
  /** For the store in Redis: the transport whose servers it uses. Without it, the only transport of that kind. */
  readonly transport?: string | undefined;
}

/** What stores get from the application. */
interface StoreContext {
  readonly clock: Clock;
  /** Called with what is wrong with the place of the store. */
  readonly onEvent: (event: TransportEvent) => void;
}

type Transports = Readonly<Record<string, TransportSettings>>;

/** Creates the configured dead letter store. Its client is imported only when it is used. */
export async function createDeadLetterStore(
  settings: StoreSettings,
  transports: Transports,
  { clock, onEvent }: StoreContext,
): Promise<DeadLetterStore> {
  switch (settings.store) {
    case 'memory': {
      const { MemoryDeadLetterStore } = await import('./memory/memory-dead-letter.store.js');
      return new MemoryDeadLetterStore({ clock });
    }
    case 'embedded': {
      const { EmbeddedDeadLetterStore } = await import('./embedded/embedded-dead-letter.store.js');
      return new EmbeddedDeadLetterStore({ directory: settings.directory, clock, onEvent });
    }
    case 'redis': {
      const { RedisDeadLetterStore } = await import('./redis/redis-dead-letter.store.js');
      return new RedisDeadLetterStore(serversOf(settings, transports), { clock });
    }
  }
}

/** Creates the configured idempotency store. */
export async function createIdempotencyStore(
  settings: StoreSettings,
  transports: Transports,
  { clock, onEvent }: StoreContext,
): Promise<IdempotencyStore> {
  switch (settings.store) {
    case 'memory': {
      const { MemoryIdempotencyStore } = await import('./memory/memory-idempotency.store.js');
      return new MemoryIdempotencyStore({ clock });
    }
    case 'embedded': {
      const { EmbeddedIdempotencyStore } = await import('./embedded/embedded-idempotency.store.js');
      return new EmbeddedIdempotencyStore({ directory: settings.directory, clock, onEvent });
    }
    case 'redis': {
      const { RedisIdempotencyStore } = await import('./redis/redis-idempotency.store.js');
      return new RedisIdempotencyStore(serversOf(settings, transports));
    }
  }
}

function serversOf({ transport }: StoreSettings, transports: Transports): RedisServerOptions {
  const wanted = Object.entries(transports).filter(([name]) => transport === undefined || name === transport);
  for (const [, settings] of wanted) if (settings.kind === 'redis') return settings;
  throw new MessagingConfigurationError([
    `A store in Redis needs a transport of the kind redis${transport === undefined ? '' : ` called "${transport}"`}.`,
  ]);
}
