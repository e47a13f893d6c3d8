import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sleep } from './bench.js';

const PAUSE_MS = 50;
/** It falls no more once so many collections in a row have freed nothing. */
const STILL = 3;
const FREED_BYTES = 64 * 1024;
const MOST_COLLECTIONS = 100;

/**
 * What the process holds once nothing is left to collect. A collection does not free all at once: bytes outside the heap
 * are given back beside it. In a large process that takes a while.
 */
export async function usedBytes(): Promise<number> {
  let least = usedBytesNow();
  for (let still = 0, times = 0; still < STILL && times < MOST_COLLECTIONS; times += 1) {
    await sleep(PAUSE_MS);
    const now = usedBytesNow();
    still = now < least - FREED_BYTES ? 0 : still + 1;
    least = Math.min(least, now);
  }
  return least;
}

/** As {@link usedBytes}, with what is still being given back. */
export function usedBytesNow(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
