import { systemClock } from '../../src/core/messaging/clock.js';
import type { Transport } from '../../src/core/messaging/transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';

/** A connected memory transport as the suite wants it. */
export async function createTransport(): Promise<Transport> {
  const options = memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 });
  const transport = new MemoryTransport(options, {
    name: 'memory',
    clock: systemClock,
    onEvent: () => undefined,
  });
  await transport.connect();
  return transport;
}
