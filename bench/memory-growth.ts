import { readFileSync } from 'node:fs';
import type { Transport } from '../src/core/messaging/index.js';
import type { BenchOptions, Figure } from './harness.js';
import { bootShop, publishOrders } from './shop.js';

const MB = 1_000_000;

/** Hands its argument a way to open a transport on a new place, always the same one, and clears it away afterwards. */
export type InPlace = (run: (open: () => Transport | Promise<Transport>) => Promise<void>) => Promise<void>;

/**
 * How much memory of our own a large backlog costs while it is filled and drained.
 *
 * Counted are the anonymous pages of the process (`RssAnon`): heap, buffers, stacks and what native code allocates. The pages
 * of a file that is mapped count as file pages, belong to the page cache and are left out. The figure is the highest value
 * seen, every 20 ms, above what the process had after a warm-up of 20,000 messages.
 */
export async function measureGrowth(
  name: string,
  inPlace: InPlace,
  { quick, progress }: BenchOptions,
): Promise<Figure[]> {
  const count = quick ? 150_000 : 1_000_000;
  await inPlace((open) => fillAndDrain(20_000, open));
  globalThis.gc?.();
  const before = anonymousBytes();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, anonymousBytes())), 20);
  await inPlace((open) => fillAndDrain(count, open));
  clearInterval(watch);
  progress(`memory: ${Math.round(before / MB)} MB before, ${Math.round(peak / MB)} MB at most`);
  return [
    {
      figure: `${name} backlog of ${count.toLocaleString('en')} x 1 KiB, growth`,
      value: (peak - before) / MB,
      unit: 'MB',
      floor: 100,
      goal: 40,
      judged: 'ceiling',
    },
  ];
}

async function fillAndDrain(count: number, open: () => Transport | Promise<Transport>): Promise<void> {
  const nothing = { handle: () => undefined };
  const filler = await bootShop(await open(), { handling: nothing, concurrency: 1, consume: false });
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
  const shop = await bootShop(await open(), { handling, concurrency: 100, consume: true });
  await all;
  await shop.close();
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
