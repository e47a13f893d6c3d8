import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { BenchOptions, Figure } from '../harness.js';
import { accepted, ceiling, elapsedSeconds, until } from './measuring.js';

const LARGE_BYTES = 1_048_576;
const IN_FLIGHT = 8;
const MB = 1_000_000;
const SWIFT = 2_000;

/** Messages of 1 MiB, eight on their way at a time, from publishing to handled. */
export async function measureLarge(
  name: string,
  transport: Transport,
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const count = quick ? 50 : 500;
  const handled = new Map<string, number>();
  const consumer = await transport.consume(
    { topic: 'large', group: 'load', concurrency: IN_FLIGHT, ordering: 'none' },
    ({ message }) => {
      if (message.body.length === LARGE_BYTES) handled.set(message.id, (handled.get(message.id) ?? 0) + 1);
      return Promise.resolve({ kind: 'ack' });
    },
  );
  const body = Buffer.alloc(LARGE_BYTES, 'x');
  const begunAt = systemClock.monotonic();
  let peak = 0;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await accepted(transport, 'large', body);
      peak = Math.max(peak, process.memoryUsage.rss());
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await until('all large messages are handled', () => handled.size === count);
  const perSecond = (count * LARGE_BYTES) / MB / elapsedSeconds(begunAt);
  await consumer.stop();
  progress(`${name}: ${perSecond.toFixed(0)} MB/s of 1 MiB messages`);
  const again = [...handled.values()].filter((times) => times > 1).length;
  return [
    {
      figure: `${name} ${count} x 1 MiB, published and handled`,
      value: perSecond,
      unit: 'MB/s',
      floor: 10,
      goal: 50,
      judged: 'value',
    },
    ceiling(`${name} ${count} x 1 MiB: most memory of the process`, peak / MB, 'MB', [800, 400]),
    ceiling(`${name} ${count} x 1 MiB: handled twice`, again, 'messages', [0, 0]),
  ];
}

/** A handler that takes half a minute, beside others that take no time: it is left alone, and holds nobody up. */
export async function measureSlowHandler(
  name: string,
  transport: Transport,
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const slowMs = quick ? 5_000 : 30_000;
  const handled = new Map<string, number>();
  let slow: string | undefined;
  const consumer = await transport.consume(
    { topic: 'slow', group: 'load', concurrency: 4, ordering: 'none' },
    async ({ message }) => {
      slow ??= message.id;
      handled.set(message.id, (handled.get(message.id) ?? 0) + 1);
      if (message.id === slow) await wait(slowMs);
      return { kind: 'ack' };
    },
  );
  await accepted(transport, 'slow');
  await until('the slow one has begun', () => slow !== undefined);
  const begunAt = systemClock.monotonic();
  for (let nth = 0; nth < SWIFT; nth += IN_FLIGHT)
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => accepted(transport, 'slow')));
  await until('the swift ones are handled', () => handled.size === SWIFT + 1);
  const seconds = elapsedSeconds(begunAt);
  await wait(Math.max(0, slowMs - seconds * 1_000) + 2_000);
  await consumer.stop();
  progress(`${name}: ${SWIFT} others handled within ${seconds.toFixed(1)} s`);
  const again = [...handled.values()].reduce((sum, times) => sum + times - 1, 0);
  const what = `${name} handler of ${slowMs / 1_000} s`;
  return [
    ceiling(`${what}: ${SWIFT.toLocaleString('en')} others are handled after`, seconds, 's', [
      slowMs / 1_000,
      slowMs / 3_000,
    ]),
    ceiling(`${what}: handled twice`, again, 'messages', [0, 0]),
  ];
}
