import { join } from 'node:path';
import {
  type MessagingBackends,
  renewableBackends,
  systemClock,
  type Transport,
  type TransportContext,
  TransportEventRelay,
} from '../../core/messaging/index.js';
import { EmbeddedDeadLetterStore } from './embedded/embedded-dead-letter.store.js';
import { EmbeddedIdempotencyStore } from './embedded/embedded-idempotency.store.js';
import { embeddedOptionsSchema } from './embedded/embedded.options.js';
import { EmbeddedTransport } from './embedded/embedded.transport.js';
import { MemoryDeadLetterStore } from './memory/memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from './memory/memory-idempotency.store.js';
import { memoryOptionsSchema } from './memory/memory.options.js';
import { MemoryTransport } from './memory/memory.transport.js';

/**
 * Everything on the local disk, in one directory: durable, and needs only the package lmdb. One process at a
 * time can use the directory.
 */
export function embeddedBackends(directory: string): MessagingBackends {
  return backends('local', (context) => ({
    transport: new EmbeddedTransport(
      embeddedOptionsSchema.parse({ directory: join(directory, 'messages') }),
      context,
    ),
    deadLetters: new EmbeddedDeadLetterStore({
      directory: join(directory, 'dead-letters'),
      clock: systemClock,
    }),
    idempotency: new EmbeddedIdempotencyStore({
      directory: join(directory, 'idempotency'),
      clock: systemClock,
    }),
  }));
}

/** Everything in the memory of the process, for tests. */
export function memoryBackends(): MessagingBackends {
  return backends('memory', (context) => ({
    transport: new MemoryTransport(memoryOptionsSchema.parse({}), context),
    deadLetters: new MemoryDeadLetterStore(),
    idempotency: new MemoryIdempotencyStore(),
  }));
}

function backends(
  name: string,
  create: (
    context: TransportContext,
  ) => Pick<MessagingBackends, 'deadLetters' | 'idempotency'> & { readonly transport: Transport },
): MessagingBackends {
  return renewableBackends(() => {
    const transportEvents = new TransportEventRelay();
    const onEvent = transportEvents.listenerFor(name);
    const { transport, ...stores } = create({ name, clock: systemClock, onEvent });
    return { ...stores, transports: [transport], transportEvents };
  });
}
