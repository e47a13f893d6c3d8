import { setTimeout as wait } from 'node:timers/promises';

/** Whatever is looked for after a start has been looked for by then. */
const SETTLE_MS = 20_000;
const IDLE_MS = 5_000;
const MB = 1_000_000;

/** What a process costs while nothing happens in it. */
export interface Cost {
  readonly rssMb: number;
  /** Sockets, timers, files and whatever else keeps the event loop busy. */
  readonly handles: number;
  /** Of one core. */
  readonly cpuPercent: number;
}

/** Waits until what was begun has ended, then looks on for some seconds. */
export async function idleCost(): Promise<Cost> {
  await wait(SETTLE_MS);
  globalThis.gc?.();
  const before = process.cpuUsage();
  await wait(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  return {
    rssMb: process.memoryUsage.rss() / MB,
    handles: process.getActiveResourcesInfo().length,
    cpuPercent: (user + system) / 10 / IDLE_MS,
  };
}
