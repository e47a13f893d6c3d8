import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { AnsweringTransport, SeverableTransport } from '../../src/testing/severable-transport.js';
import { createTransport as createEmbedded } from './embedded.factory.js';
import { type CaseContext, describeTransport } from './transport-suite.js';

const root = mkdtempSync(join(tmpdir(), 'spooled-conformance-'));
let made = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const lines = new Map<Transport, readonly SeverableTransport[]>();
const options = spooledOptionsSchema.parse({ probeIntervalMs: 100, maxProbeIntervalMs: 200 });

async function create({ onEvent, clock = systemClock }: CaseContext): Promise<Transport> {
  const memory = new MemoryTransport(memoryOptionsSchema.parse({ maxMessageBytes: 2 ** 20 + 1 }), {
    name: 'a',
    clock,
    onEvent: () => undefined,
  });
  const transport = new AnsweringTransport(memory, (event) => {
    if (event.type === 'settlement-dropped') onEvent(event); // its other events are its own
  });
  const disk = await createEmbedded(join(root, String(++made)), { clock });
  const spool = new SeverableTransport(disk, () => undefined);
  const spooled = new SpooledTransport({ transport, spool }, options, {
    name: 'main',
    clock,
    onEvent,
  });
  lines.set(spooled, [transport, spool]);
  await spooled.connect();
  return spooled;
}

describeTransport('A transport with a spool', {
  replies: true,
  repliesStayInProcess: true,
  tooLargeBytes: 2 * 2 ** 20,
  create,
  outage: {
    kill: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.sever();
    },
    restore: async (transport) => {
      for (const line of lines.get(transport) ?? []) await line.restore();
    },
  },
});
