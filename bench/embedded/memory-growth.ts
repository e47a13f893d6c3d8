import { readFileSync } from 'node:fs';
import type { BenchOptions, Figure } from '../harness.js';
import { bootShop, publishOrders } from '../shop.js';
import { inDirectory, transportIn } from './place.js';

const MB = 1_000_000;

/**
 * How much memory of our own a large backlog costs while it is filled and drained.
 *
 * Counted are the anonymous pages of the process (`RssAnon`): heap, buffers, stacks and what lmdb allocates. The pages of
 * the database file that are mapped count as file pages, belong to the page cache and are left out. The figure is the
 * highest value seen, every 20 ms, above what the process had after a warm-up of 20,000 messages.
 */
export async function measureMemory({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 150_000 : 1_000_000;
  await fillAndDrain(20_000);
  globalThis.gc?.();
  const before = anonymousBytes();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, anonymousBytes())), 20);
  await fillAndDrain(count);
  clearInterval(watch);
  progress(`memory: ${Math.round(before / MB)} MB before, ${Math.round(peak / MB)} MB at most`);
  return [
    {
      figure: `embedded backlog of ${count.toLocaleString('en')} x 1 KiB, growth`,
      value: (peak - before) / MB,
      unit: 'MB',
      floor: 100,
      goal: 40,
      judged: 'ceiling',
    },
  ];
}

function fillAndDrain(count: number): Promise<void> {
  return inDirectory(async (directory) => {
    const filler = await bootShop(transportIn(directory), {
      handling: { handle: () => undefined },
      concurrency: 1,
      consume: false,
    });
    await publishOrders(filler.messaging, { from: 0, count, inFlight: 1_000 });
    await filler.close();
    let handled = 0;
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    const handling = {
      handle: () => {
        handled += 1;
        if (handled === count) done();
      },
    };
    const shop = await bootShop(transportIn(directory), { handling, concurrency: 100, consume: true });
    await all;
    await shop.close();
  });
}

/** Where the system does not tell: everything, mapped pages included, which is more. */
function anonymousBytes(): number {
  try {
    const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line) return Number(line[1]) * 1_024;
  } catch {
    // No /proc.
  }
  return process.memoryUsage.rss();
}
