import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../src/core/messaging/ports/transport.js';
import { balancedOptionsSchema } from '../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { failoverOptionsSchema } from '../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { embeddedOptionsSchema } from '../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../src/infrastructure/services/embedded/embedded.transport.js';
import { type Bench, type Figure, interleave } from './harness.js';

/** What the core makes of a thousand callers: some batches on their way at a time. */
const LANES = 4;
const BATCH = 100;
const BODY = Buffer.alloc(1_024, 'x');
let made = 0;

const contextOf = (name: string): TransportContext => ({
  name,
  clock: systemClock,
  onEvent: () => undefined,
});

/** Messages a second that a transport takes on the disk. */
async function publish(transport: Transport, count: number): Promise<number> {
  const startedAt = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= BATCH;
      const messages = Array.from({ length: BATCH }, () => ({ id: `m-${++made}`, headers: {}, body: BODY }));
      const outcomes = await transport.publish({ topic: 'bench' }, messages, { deadlineMs: 10_000 });
      if (outcomes.some(({ kind }) => kind !== 'accepted')) throw new Error('Not all were accepted.');
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return (count / (performance.now() - startedAt)) * 1_000;
}

/** What it costs to put transports together, while all of them work. */
export const composites: Bench = {
  async run({ quick, progress }): Promise<Figure[]> {
    const root = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
    const disk = (name: string): Transport =>
      new EmbeddedTransport(
        embeddedOptionsSchema.parse({ directory: join(root, name), maxBytes: 64 * 2 ** 30 }),
        contextOf(name),
      );
    const contestants = {
      alone: disk('alone'),
      failover: new FailoverTransport(
        [disk('a'), disk('b')],
        failoverOptionsSchema.parse({}),
        contextOf('failover'),
      ),
      balanced: new BalancedTransport(
        [disk('c'), disk('d')],
        balancedOptionsSchema.parse({ weights: [1_000, 1] }),
        contextOf('balanced'),
      ),
      spooled: new SpooledTransport(
        { transport: disk('e'), spool: disk('spool') },
        spooledOptionsSchema.parse({}),
        contextOf('spooled'),
      ),
    };
    try {
      await Promise.all(Object.values(contestants).map((transport) => transport.connect()));
      const count = quick ? 60_000 : 300_000; // seconds, because the disk is moody
      const rates = await interleave(
        quick ? 3 : 7,
        {
          alone: () => publish(contestants.alone, count),
          failover: () => publish(contestants.failover, count),
          balanced: () => publish(contestants.balanced, count),
          spooled: () => publish(contestants.spooled, count),
        },
        progress,
      );
      return (['failover', 'balanced', 'spooled'] as const).map((name) => ({
        figure: `${name} around a healthy embedded transport, 1 KiB, batches of ${BATCH}`,
        value: rates[name],
        ratio: rates[name] / rates.alone,
        unit: 'msg/s',
        floor: 0.9,
        goal: 0.97,
        judged: 'ratio',
      }));
    } finally {
      await Promise.all(Object.values(contestants).map((transport) => transport.close()));
      rmSync(root, { recursive: true, force: true });
    }
  },
};
