import { JumpingClock } from '../jumping-clock.js';
import { ACK, type Bench, type Case, message, type Settle, sleep, unique } from '../bench.js';
import type { Transport } from '../../../core/messaging/index.js';

const HOUR_MS = 3_600_000;
const DELAY_MS = 3_000;
/** Nothing that waits may come earlier than its time by more than this, whatever clocks say. */
const EARLY_MS = 2_000;

/** When a delayed message and a retry of another have come. */
interface Waiting {
  readonly topic: string;
  /** Resolves once both wait. */
  readonly begun: Promise<void>;
  /** Resolves with the milliseconds for which each has waited. */
  readonly waited: () => Promise<readonly number[]>;
}

/** Publishes one message with a delay, and has another retried with as much. */
async function waiting(
  { collect, publish, until }: Bench,
  from: Transport,
  consuming: Transport,
): Promise<Waiting> {
  const topic = unique();
  const since = new Map<string, number>();
  const waitedMs: number[] = [];
  let retried = (): void => undefined;
  const begun = new Promise<void>((resolve) => (retried = resolve));
  const settle: Settle = ({ message: { id }, attempt }) => {
    if (id === 'retried' && attempt === 1) {
      since.set(id, performance.now());
      retried();
      return { kind: 'retry', delayMs: DELAY_MS };
    }
    if (since.has(id)) waitedMs.push(performance.now() - since.get(id)!);
    return ACK;
  };
  await collect(consuming, { topic, group: 'g' }, settle);
  since.set('delayed', performance.now());
  await publish(from, topic, [message({ id: 'delayed' })], { delayMs: DELAY_MS });
  await publish(from, topic, [message({ id: 'retried' })]);
  return {
    topic,
    begun,
    waited: async () => {
      await until(() => waitedMs.length >= 2);
      return waitedMs;
    },
  };
}

/** Publishes at once and with a short delay, so that a transport has a reason to look at what waits. */
async function stir({ publish }: Bench, transport: Transport, topic: string): Promise<void> {
  for (let time = 0; time < 5; time += 1) {
    await publish(transport, topic, [message()]);
    await publish(transport, topic, [message()], { delayMs: 50 });
    await sleep(100);
  }
}

function expectInTime({ expect }: Bench, waitedMs: readonly number[]): void {
  expect(waitedMs).toHaveLength(2);
  for (const ms of waitedMs) expect(ms).toBeGreaterThanOrEqual(DELAY_MS - EARLY_MS);
}

export const clocks: readonly Case[] = (
  [
    ['ahead', HOUR_MS],
    ['back', -HOUR_MS],
  ] as const
).flatMap(([direction, aheadMs]): Case[] => [
  {
    title: `delivers what waits in its time although the clock is set an hour ${direction}`,
    run: async (bench) => {
      const { transport, clock, expect, publish } = bench;
      const before = await waiting(bench, transport, transport);
      await before.begun;
      await publish(transport, before.topic, [message()], { delayMs: 500 }); // a timer runs while the clock is set
      clock.set(aheadMs);
      await stir(bench, transport, before.topic);
      const after = await waiting(bench, transport, transport);
      expectInTime(bench, await before.waited());
      expectInTime(bench, await after.waited());
      expect(clock.isRead).toBe(true);
    },
  },
  {
    title: `delivers what waits in its time although the clock of another process is an hour ${direction}`,
    needs: 'beside',
    run: async (bench) => {
      const { transport, options, expect } = bench;
      const clock = new JumpingClock();
      clock.set(aheadMs);
      const other = await options.beside!(transport, { onEvent: () => undefined, clock });
      try {
        const pairs = [await waiting(bench, transport, other), await waiting(bench, other, transport)];
        await stir(bench, other, pairs[0]!.topic);
        await stir(bench, transport, pairs[1]!.topic);
        for (const { waited } of pairs) expectInTime(bench, await waited());
        expect(clock.isRead).toBe(true);
      } finally {
        await other.close();
      }
    },
  },
]);
