import { setTimeout as wait } from 'node:timers/promises';
import type { Transport } from '../../src/core/messaging/transport.js';
import type { FaultProxy } from '../support/brokers/fault-proxy.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { Load } from '../support/transport-load.js';
import { faultRow, LINE_FAULTS, type LineFault } from './fault-matrix.js';
import { reportLoad } from './measured.js';
import { closeAll, healthTold } from './transport-bench.js';

const CUTS = 15;
const FAULT_MS = 5_000;
/** The promise: half a minute after all is well again everything goes on. */
const GOES_ON_MS = 30_000;
const BEFORE_MS = 1_000;

const HAPPENINGS: Readonly<Record<LineFault, (proxy: FaultProxy) => Promise<unknown>>> = {
  'line silent for 5 s': (proxy) => {
    proxy.inject({ mode: 'blackhole' });
    return wait(FAULT_MS);
  },
  'answers lost for 5 s': (proxy) => {
    proxy.inject({ mode: 'drop-down' });
    return wait(FAULT_MS);
  },
  'connections cut 15 times': async (proxy) => {
    for (let cut = 0; cut < CUTS; cut++) {
      await wait(FAULT_MS / CUTS);
      proxy.resetAll();
    }
  },
  'connections refused for 5 s': async (proxy) => {
    await proxy.down();
    await wait(FAULT_MS);
    await proxy.up();
  },
  'line slow by 200 ms': (proxy) => {
    proxy.inject({ latencyMs: 200 });
    return wait(FAULT_MS);
  },
};

/**
 * What a line to a broker can do, under load: both who publishes and who consumes have it.
 *
 * @param options.isKeyed false where the order of keys is not promised.
 */
export function describeLineFaults(
  system: string,
  line: () => FaultProxy,
  connected: () => Promise<{ readonly transport: Transport }>,
  { isKeyed = true } = {},
): void {
  afterEach(async () => {
    line().heal();
    await closeAll();
  });
  it.each(LINE_FAULTS)(
    'loses nothing and goes on by itself: %s',
    async (fault) => {
      const row = faultRow(system, fault);
      const resources = openResources();
      const load = new Load((await connected()).transport, { isKeyed });
      await load.consume((await connected()).transport);
      load.start();
      try {
        await waitUntil('the load runs', async () => load.acceptedCount > 100);
        await wait(BEFORE_MS);
        await HAPPENINGS[fault](line());
        line().heal();
        load.healed();
        await waitUntil('it goes on', async () => load.goesOnAfterMs !== undefined, GOES_ON_MS);
      } finally {
        await load.end();
      }
      await waitUntil('what was accepted is handled', async () => load.missing.length === 0).catch(
        () => undefined,
      );
      const result = await load.end(); // with the order of what came last
      await waitUntil('all say that they are up', async () => healthTold() !== 'down');
      reportLoad(row, result, load.missing);
      expect(load.missing).toEqual([]);
      if (isKeyed) expect(result.outOfOrder).toBe(0);
      await closeAll();
      await waitUntil('nothing is left open', async () => openResources() <= resources);
    },
    180_000,
  );
}

/** Sockets and timers of this process that keep it alive. */
function openResources(): number {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
}
