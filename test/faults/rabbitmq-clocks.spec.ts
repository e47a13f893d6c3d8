import type { Settlement } from '../../src/core/messaging/ports/transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { JumpingClock } from '../../src/testing/conformance/jumping-clock.js';
import { report } from './measured.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const HOUR_MS = 3_600_000;
/** The first step of the longest leaves out seconds of it. */
const DELAYS_MS = [700, 3_000, 15_000];
const OF_EACH = 8;
/** What the clocks of broker and test may differ in while both measure a delay. */
const EARLY_MS = 100;
/** With both processes up, a delay is longer by a sixteenth, some steps and what the machine takes. */
const LATE_MS = 30_000;

it.each([
  ['ahead', HOUR_MS],
  ['behind', -HOUR_MS],
])(
  'delays and retries are not early when the clock of one process is an hour %s',
  async (name, offMs) => {
    const wrong = new JumpingClock();
    wrong.set(offMs);
    const options = { urls: server.urls, namePrefix: `${name}.` };
    const processes = [await connected(options, wrong), await connected(options)];
    /** By message: when it was delayed last, and for how long. */
    const delayed = new Map<string, { readonly at: number; readonly delayMs: number }>();
    const errors: number[] = [];
    const deliver = (id: string, attempt: number): Settlement => {
      const { at, delayMs } = delayed.get(id)!;
      errors.push(performance.now() - at - delayMs);
      if (attempt > 1) return { kind: 'ack' };
      delayed.set(id, { at: performance.now(), delayMs });
      return { kind: 'retry', delayMs };
    };
    for (const { transport } of processes)
      await transport.consume({ topic: 't', group: 'g', concurrency: 50, ordering: 'none' }, (delivery) =>
        Promise.resolve(deliver(delivery.message.id, delivery.attempt)),
      );
    for (const [number, { transport }] of processes.entries())
      for (const delayMs of DELAYS_MS) {
        const ids = Array.from({ length: OF_EACH }, (_, index) => `${number}-${delayMs}-${index}`);
        for (const id of ids) delayed.set(id, { at: performance.now(), delayMs });
        const messages = ids.map((id) => ({ id, headers: {}, body: Buffer.from('x') }));
        const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 10_000, delayMs });
        expect(outcomes.map(({ kind }) => kind)).toEqual(ids.map(() => 'accepted'));
      }
    const expected = 2 * processes.length * DELAYS_MS.length * OF_EACH;
    await waitUntil('all have come twice', async () => errors.length >= expected, 60_000);
    const [earliest, latest] = [Math.min(...errors), Math.max(...errors)].map(Math.round);
    report('rabbitmq', `clock an hour ${name}: from ${earliest} ms to ${latest} ms after their time`);
    expect(errors).toHaveLength(expected);
    expect(earliest).toBeGreaterThan(-EARLY_MS);
    expect(latest).toBeLessThan(LATE_MS);
  },
  120_000,
);
