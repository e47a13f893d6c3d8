import { randomUUID } from 'node:crypto';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { JumpingClock } from '../../src/testing/conformance/jumping-clock.js';
import { connected } from './kafka-bench.js';
import { closeAll, collected } from './transport-bench.js';

const HOUR_MS = 3_600_000;
/** Waits 8 s in a topic of a delay level, and the rest in the shortest one. */
const DELAY_MS = 18_000;
const MAX_EARLY_MS = 2_000;
const MAX_LATE_MS = 15_000;
let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterEach(closeAll);
afterAll(() => server.stop());

function clockAhead(aheadMs: number): JumpingClock {
  const clock = new JumpingClock();
  clock.set(aheadMs);
  return clock;
}

it('a message waits as long as it should in every topic on its way, whichever process has a wrong clock', async () => {
  const waits = [
    [HOUR_MS, 0],
    [-HOUR_MS, 0],
    [0, HOUR_MS],
    [0, -HOUR_MS],
  ].map(async ([publisherMs = 0, routerMs = 0]) => {
    const place = { brokers: server.brokers, namePrefix: `${randomUUID().slice(0, 8)}.` };
    const { transport: publisher } = await connected(place, clockAhead(publisherMs));
    const { transport: router } = await connected(place, clockAhead(routerMs));
    const deliveries = await collected(router, 't');
    const message = { id: 'waits', headers: {}, body: Buffer.from('x') };
    const began = performance.now();
    await publisher.publish({ topic: 't' }, [message], { delayMs: DELAY_MS, deadlineMs: 10_000 });
    await waitUntil('it has come', async () => deliveries.length > 0);
    return performance.now() - began;
  });
  for (const waitedMs of await Promise.all(waits)) {
    expect(waitedMs).toBeGreaterThan(DELAY_MS - MAX_EARLY_MS);
    expect(waitedMs).toBeLessThan(DELAY_MS + MAX_LATE_MS);
  }
}, 120_000);
