import { setTimeout as wait } from 'node:timers/promises';
import type { Clock, Transport } from '../../src/core/messaging/ports/transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { JumpingClock } from '../../src/testing/conformance/jumping-clock.js';
import type { Load } from '../support/transport-load.js';
import { CLOCK_FAULT, faultRow } from './fault-matrix.js';
import { underLoad } from './under-load.js';

const JUMP_MS = 120_000;
/** Without a message: far less than a jump. */
const GAP_MS = 10_000;
const DELAY_MS = 3_000;
const STAY_MS = 1_500;
const DELAYED = 20;

/** The time of day jumps forth and back under load, with messages that wait. */
export function describeClockJumps(
  system: string,
  connected: (clock: Clock) => Promise<{ readonly transport: Transport }>,
): void {
  it('loses nothing, and holds nothing up, when the time of day jumps', async () => {
    const clock = new JumpingClock();
    const delayed: string[] = [];
    const happen = async (load: Load, { transport }: { readonly transport: Transport }): Promise<void> => {
      for (const aheadMs of [JUMP_MS, -JUMP_MS, 0]) {
        delayed.push(...(await publishDelayed(transport, load.topic, aheadMs)));
        clock.set(aheadMs);
        await wait(STAY_MS);
      }
      const hasCome = (id: string): boolean => load.timesHandled(id) > 0;
      await waitUntil('what was delayed has come', async () => delayed.every(hasCome));
    };
    const row = faultRow(system, CLOCK_FAULT);
    const { handled, longestGapMachineMs } = await underLoad({
      row,
      connected: () => connected(clock),
      happen,
    });
    expect(delayed.filter((id) => handled.get(id) !== 1)).toEqual([]);
    expect(longestGapMachineMs).toBeLessThan(GAP_MS);
  }, 120_000);
}

async function publishDelayed(transport: Transport, topic: string, aheadMs: number): Promise<string[]> {
  const ids = Array.from({ length: DELAYED }, (_, nth) => `delayed before ${aheadMs}: ${nth}`);
  const messages = ids.map((id) => ({ id, headers: {}, body: Buffer.from('x') }));
  const outcomes = await transport.publish({ topic }, messages, { deadlineMs: 10_000, delayMs: DELAY_MS });
  expect(outcomes.map(({ kind }) => kind)).toEqual(ids.map(() => 'accepted'));
  return ids;
}
