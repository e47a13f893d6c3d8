import { existsSync, readFileSync } from 'node:fs';

const LOOK_MS = 10;
const HEAP_EVERY_MS = 50;
const MICROSECONDS = 1_000;
const NANOSECONDS = 1_000_000;

/** What {@link watchLoop} has seen. */
export interface LoopFigures {
  /**
   * Longest time, in milliseconds, for which this process worked without a turn of the event loop. The CPU time of its main
   * thread where that is shorter than the wall time, because a machine that runs something else meanwhile blocks everybody.
   */
  readonly longestBlockMs: number;
  /** Most bytes in use on the heap and in buffers, uncollected ones included. */
  readonly peakBytes: number;
}

/** The longest block of the event loop that a test may cause. */
export const MAX_BLOCK_MS = 200;

/** Watches the event loop and the memory of this process until the returned function is called. */
export function watchLoop(): () => LoopFigures {
  let [lookedAt, cpuMs] = [performance.now(), cpuNow()];
  let [longestBlockMs, peakBytes, heapLookedAt] = [0, bytesNow(), lookedAt];

  const look = (): void => {
    const [now, cpu] = [performance.now(), cpuNow()];
    longestBlockMs = Math.max(longestBlockMs, Math.min(now - lookedAt, cpu - cpuMs));
    if (now - heapLookedAt >= HEAP_EVERY_MS) {
      peakBytes = Math.max(peakBytes, bytesNow());
      heapLookedAt = now;
    }
    [lookedAt, cpuMs] = [now, cpu];
  };
  const looking = setInterval(look, LOOK_MS).unref();
  return () => {
    clearInterval(looking);
    look();
    return { longestBlockMs, peakBytes: Math.max(peakBytes, bytesNow()) };
  };
}

/** Time of the main thread on a core, in nanoseconds, on Linux. Threads that collect garbage beside it block nothing. */
const MAIN_THREAD = '/proc/self/schedstat';
const hasThreadTime = existsSync(MAIN_THREAD);

function cpuNow(): number {
  if (hasThreadTime) return Number.parseInt(readFileSync(MAIN_THREAD, 'latin1'), 10) / NANOSECONDS;
  const { user, system } = process.cpuUsage();
  return (user + system) / MICROSECONDS;
}

function bytesNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
