import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import type { CaseContext } from './transport-suite.js';

/** A connected memory transport as the suite wants it. */
export async function createTransport({ onEvent, clock = systemClock }: CaseContext): Promise<Transport> {
  const options = memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 });
  const transport = new MemoryTransport(options, {
    name: 'memory',
    clock,
    onEvent,
  });
  await transport.connect();
  return transport;
}
