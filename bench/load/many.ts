import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import type { BenchOptions, Figure } from '../harness.js';
import { accepted, ceiling, elapsedSeconds, until } from './measuring.js';
import { idleCost } from './process-cost.js';

const PUBLISHING_AT_A_TIME = 100;
const STARTING_AT_A_TIME = 20;

/** Topics that somebody publishes to once and never again: what they cost the process that remembers them. */
export async function measureIdleTopics(
  name: string,
  transport: Transport,
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const count = quick ? 1_000 : 10_000;
  await accepted(transport, 'topic-first');
  const before = await idleCost();
  const begunAt = systemClock.monotonic();
  await atATime(PUBLISHING_AT_A_TIME, count, (nth) => accepted(transport, `topic-${nth}`));
  const seconds = elapsedSeconds(begunAt);
  const after = await idleCost();
  progress(`${name}: ${count} topics in ${seconds.toFixed(1)} s`);
  const what = `${name} ${count.toLocaleString('en')} idle topics`;
  return [
    ceiling(`${what}: growth of the process`, after.rssMb - before.rssMb, 'MB', [200, 100]),
    ceiling(`${what}: more handles`, after.handles - before.handles, '', [20, 5]),
    ceiling(`${what}: CPU`, after.cpuPercent, '% of a core', [10, 2]),
  ];
}

/** Subscriptions with a topic each, in one process: until each has handled a message, what they cost then, and what is left of them. */
export async function measureSubscriptions(
  name: string,
  transport: Transport,
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const count = quick ? 50 : 500;
  const before = await idleCost();
  const begunAt = systemClock.monotonic();
  const handled = new Set<string>();
  const consumers = await atATime(STARTING_AT_A_TIME, count, (nth) =>
    transport.consume(
      { topic: `subscribed-${nth}`, group: 'load', concurrency: 4, ordering: 'none' },
      ({ message }) => {
        handled.add(message.id);
        return Promise.resolve({ kind: 'ack' });
      },
    ),
  );
  const started = elapsedSeconds(begunAt);
  await atATime(PUBLISHING_AT_A_TIME, count, (nth) => accepted(transport, `subscribed-${nth}`));
  await until('each subscription has handled a message', () => handled.size >= count);
  const seconds = elapsedSeconds(begunAt);
  progress(`${name}: ${count} subscriptions started in ${started.toFixed(1)} s`);
  const during = await idleCost();
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  const after = await idleCost();
  const what = `${name} ${count} subscriptions`;
  return [
    ceiling(`${what}: each has handled a message after`, seconds, 's', [120, 30]),
    ceiling(`${what}: growth of the process`, during.rssMb - before.rssMb, 'MB', [400, 150]),
    ceiling(`${what}: CPU while idle`, during.cpuPercent, '% of a core', [50, 10]),
    ceiling(`${what}: handles that are left`, Math.max(0, after.handles - before.handles), '', [20, 5]),
  ];
}

async function atATime<T>(
  width: number,
  count: number,
  work: (nth: number) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      results.push(await work(next));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  return results;
}
