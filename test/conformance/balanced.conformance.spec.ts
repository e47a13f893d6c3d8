import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { AnsweringTransport, type SeverableTransport } from '../../src/testing/severable-transport.js';
import { type CaseContext, describeTransport } from './transport-suite.js';

const lines = new Map<Transport, readonly SeverableTransport[]>();
const options = balancedOptionsSchema.parse({ probeIntervalMs: 100, maxProbeIntervalMs: 200 });

/** A member whose settlements are dropped tells it as the composite, as its own events are its own. */
function member(name: string, { onEvent, clock = systemClock }: CaseContext): SeverableTransport {
  const memory = new MemoryTransport(memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 }), {
    name,
    clock,
    onEvent: () => undefined,
  });
  return new AnsweringTransport(memory, (event) => event.type === 'settlement-dropped' && onEvent(event));
}

describeTransport('Balancing over memory', {
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create: async (context) => {
    const { onEvent, clock = systemClock } = context;
    const members = ['a', 'b', 'c'].map((name) => member(name, context));
    const transport = new BalancedTransport(members, options, { name: 'main', clock, onEvent });
    lines.set(transport, members);
    await transport.connect();
    return transport;
  },
  outage: {
    kill: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.sever();
    },
    restore: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.restore();
    },
  },
});
