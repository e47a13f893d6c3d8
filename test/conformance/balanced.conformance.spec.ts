import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { SeverableTransport } from '../support/severable-transport.js';
import { describeTransport } from './transport/index.js';

const lines = new Map<Transport, readonly SeverableTransport[]>();
const options = balancedOptionsSchema.parse({ probeIntervalMs: 100, maxProbeIntervalMs: 200 });

/** A member whose settlements are dropped tells it as the composite, as its own events are its own. */
function member(name: string, onEvent: TransportContext['onEvent']): SeverableTransport {
  const memory = new MemoryTransport(memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 }), {
    name,
    clock: systemClock,
    onEvent: () => undefined,
  });
  return new SeverableTransport(memory, (event) => event.type === 'settlement-dropped' && onEvent(event));
}

describeTransport('Balancing over memory', {
  tooLargeBytes: 2 * 2 ** 20,
  create: async ({ onEvent }) => {
    const members = ['a', 'b', 'c'].map((name) => member(name, onEvent));
    const transport = new BalancedTransport(members, options, { name: 'main', clock: systemClock, onEvent });
    lines.set(transport, members);
    await transport.connect();
    return transport;
  },
  outage: {
    kill: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.sever();
    },
    restore: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.mend();
    },
  },
});
