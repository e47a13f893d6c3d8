import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';

/** A connected memory transport as the suite wants it. */
export async function createTransport({ onEvent }: Pick<TransportContext, 'onEvent'>): Promise<Transport> {
  const options = memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 });
  const transport = new MemoryTransport(options, {
    name: 'memory',
    clock: systemClock,
    onEvent,
  });
  await transport.connect();
  return transport;
}
