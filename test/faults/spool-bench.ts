import { systemClock } from '../../src/core/messaging/clock.js';
import type { TransportContext } from '../../src/core/messaging/transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled.transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { SeverableTransport } from '../support/severable-transport.js';

export const SPOOL_TOPIC = 't';

/** The spool as the tests of faults want it, on this directory. */
export function spoolOn(directory: string): EmbeddedTransport {
  return new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), contextOf('disk'));
}

/** A transport in memory whose line can be cut, with a spool in this directory. */
export async function openSpooled(directory: string, options: object = {}) {
  const memory = new MemoryTransport(memoryOptionsSchema.parse({}), contextOf('broker'));
  const broker = new SeverableTransport(memory, () => undefined);
  const settings = spooledOptionsSchema.parse({ probeIntervalMs: 100, maxProbeIntervalMs: 200, ...options });
  const transports = { transport: broker, spool: spoolOn(directory) };
  const transport = new SpooledTransport(transports, settings, contextOf('main'));
  await transport.connect();
  return { transport, sever: () => broker.sever() };
}

function contextOf(name: string): TransportContext {
  return { name, clock: systemClock, onEvent: () => undefined };
}
