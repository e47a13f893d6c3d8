import { setTimeout as wait } from 'node:timers/promises';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { FaultProxy } from '../support/brokers/fault-proxy.js';
import { faultRow, LINE_FAULTS, type LineFault } from './fault-matrix.js';
import { closeAll } from './transport-bench.js';
import { underLoad } from './under-load.js';

const CUTS = 15;
const FAULT_MS = 5_000;

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
    'loses nothing and resumes by itself: %s',
    async (fault) => {
      const happen = async (): Promise<void> => {
        await HAPPENINGS[fault](line());
        line().heal();
      };
      await underLoad({ row: faultRow(system, fault), connected, happen, isKeyed });
    },
    180_000,
  );
}
