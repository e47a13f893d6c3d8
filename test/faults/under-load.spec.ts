import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { memoryOptionsSchema } from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { Load } from '../support/transport-load.js';
import { bench, closeAll } from './transport-bench.js';
import { notHandled } from './under-load.js';

const LANES = 2;
const MAX_IN_FLIGHT = 50;
const BATCH = 5;
const PAUSE_MS = 2_000;

afterEach(closeAll);

it('publishes no more than so many messages that are not handled, and resumes when they are', async () => {
  const { transport } = bench(
    (context) => new MemoryTransport(memoryOptionsSchema.parse({}), context),
    'memory',
    systemClock,
  );
  await transport.connect();
  const load = new Load(transport, { lanes: LANES, maxInFlight: MAX_IN_FLIGHT, batch: BATCH, isKeyed: true });
  await (await load.consume(transport)).stop(); // the group is there, and nobody takes what comes
  load.start();
  await waitUntil('as much is on its way as may be', async () => load.inFlightCount >= LANES * MAX_IN_FLIGHT);
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  expect(load.inFlightCount).toBeLessThan(LANES * (MAX_IN_FLIGHT + BATCH));
  expect(load.acceptedCount).toBe(load.inFlightCount);
  const pausedMs = performance.now() - from;
  await load.consume(transport);
  await waitUntil('more is published', async () => load.acceptedCount > 10 * LANES * MAX_IN_FLIGHT);
  const result = await load.end();
  await waitUntil('all is handled', async () => load.missing.length === 0);
  expect(load.inFlightCount).toBe(0);
  expect(result.longestGapMs).toBeLessThan(pausedMs); // the pause was no lack of acceptances
});

it.each([
  [3, 0, 'at least 0 are lost'],
  [0, 0, 'at least 3 are lost'],
  [1, 1, 'at least 1 are lost'],
])('distinguishes stuck from lost messages: %d ready, %d in flight', (ready, inFlight, said) => {
  expect(notHandled(['1', '2', '3'], { ready, inFlight, delayed: 0 }).message).toContain(said);
});
