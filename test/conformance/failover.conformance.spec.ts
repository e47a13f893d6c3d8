import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { AnsweringTransport, type SeverableTransport } from '../../src/testing/severable-transport.js';
import { type CaseContext, describeTransport } from './transport-suite.js';

const lines = new Map<Transport, readonly SeverableTransport[]>();
const options = failoverOptionsSchema.parse({
  probeIntervalMs: 100,
  maxProbeIntervalMs: 200,
  failBackAfterMs: 200,
});

/** A member whose settlements are dropped tells it as the composite, as its own events are its own. */
function member(name: string, { onEvent, clock = systemClock }: CaseContext): SeverableTransport {
  const memory = new MemoryTransport(memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 }), {
    name,
    clock,
    onEvent: () => undefined,
  });
  return new AnsweringTransport(memory, (event) => event.type === 'settlement-dropped' && onEvent(event));
}

const create =
  (prepare: (members: readonly SeverableTransport[]) => Promise<void>) =>
  async (context: CaseContext): Promise<Transport> => {
    const { onEvent, clock = systemClock } = context;
    const members = [member('a', context), member('b', context)];
    const transport = new FailoverTransport(members, options, { name: 'main', clock, onEvent });
    lines.set(transport, members);
    await prepare(members);
    await transport.connect();
    return transport;
  };

const outage = {
  kill: async (transport: Transport): Promise<void> => {
    for (const line of lines.get(transport) ?? []) await line.sever();
  },
  restore: async (transport: Transport): Promise<void> => {
    for (const line of lines.get(transport) ?? []) await line.restore();
  },
};

describeTransport('Failover over memory', {
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create: create(() => Promise.resolve()),
  outage,
});

describeTransport('Failover whose first member is gone', {
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create: create(([first]) => first!.sever()),
  skip: [
    {
      reason: 'the member that is gone might know better',
      tests: [
        'refuses a reply to an inbox that is closed, and to what is none',
        'knows whether a group has subscribed to a topic',
      ],
    },
  ],
  outage: { ...outage, restore: (transport) => lines.get(transport)![1]!.restore() },
});
