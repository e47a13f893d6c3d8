import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { type Bench, bench } from './transport-bench.js';

export const SPOOL_TOPIC = 't';

/** The spool as the tests of faults want it, on this directory. */
export function spoolOn(directory: string): EmbeddedTransport {
  return new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), contextOf('disk'));
}

/** Brokers that stand in for each other, the first of them first, and a spool in this directory for when all are gone. */
export async function spooledFailover(
  members: readonly Transport[],
  directory: string,
): Promise<Bench<SpooledTransport>> {
  const probes = { probeIntervalMs: 500, maxProbeIntervalMs: 1_000 };
  const settings = failoverOptionsSchema.parse({ ...probes, failBackAfterMs: 2_000 });
  const { transport } = bench((context) => new FailoverTransport(members, settings, context), 'brokers');
  const made = bench(
    (context) =>
      new SpooledTransport(
        { transport, spool: spoolOn(directory) },
        spooledOptionsSchema.parse({ ...probes, attemptTimeoutMs: 2_000 }),
        context,
      ),
    'main',
  );
  await made.transport.connect();
  return made;
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
