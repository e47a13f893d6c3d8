import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sleep } from './bench.js';

/** What the process holds once nothing is left to collect. Bytes outside the heap are given back beside the collection, after it. */
export async function usedBytes(): Promise<number> {
  for (let time = 0; time < 3; time++) {
    usedBytesNow();
    await sleep(50);
  }
  return usedBytesNow();
}

/** As {@link usedBytes}, with what is still being given back. */
/** As {@link usedBytes}, with what is still being given back. */
export function usedBytesNow(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
