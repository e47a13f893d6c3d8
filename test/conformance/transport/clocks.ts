import { JumpingClock } from '../../support/jumping-clock.js';
import { ACK, type Case, collect, message, publish, type Settle, sleep, unique, until } from './harness.js';
import type { Transport } from '../../../src/core/messaging/index.js';

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
async function waiting(from: Transport, consuming: Transport): Promise<Waiting> {
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

/** Publishes at once and with a short delay: whoever looks at what waits has a reason to look. */
async function stir(transport: Transport, topic: string): Promise<void> {
  for (let time = 0; time < 5; time += 1) {
    await publish(transport, topic, [message()]);
    await publish(transport, topic, [message()], { delayMs: 50 });
    await sleep(100);
  }
}

function expectInTime(waitedMs: readonly number[]): void {
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
    run: async ({ transport, clock }) => {
      const before = await waiting(transport, transport);
      await before.begun;
      await publish(transport, before.topic, [message()], { delayMs: 500 }); // a timer runs while the clock is set
      clock.set(aheadMs);
      await stir(transport, before.topic);
      const after = await waiting(transport, transport);
      expectInTime(await before.waited());
      expectInTime(await after.waited());
      expect(clock.isRead).toBe(true);
    },
  },
  {
    title: `delivers what waits in its time although the clock of another process is an hour ${direction}`,
    needs: 'beside',
    run: async ({ transport, options }) => {
      const clock = new JumpingClock();
      clock.set(aheadMs);
      const other = await options.beside!(transport, { onEvent: () => undefined, clock });
      try {
        const pairs = [await waiting(transport, other), await waiting(other, transport)];
        await stir(other, pairs[0]!.topic);
        await stir(transport, pairs[1]!.topic);
        for (const { waited } of pairs) expectInTime(await waited());
        expect(clock.isRead).toBe(true);
      } finally {
        await other.close();
      }
    },
  },
]);
