import { setTimeout as wait } from 'node:timers/promises';
import { MAX_BLOCK_MS, watchLoop } from './loop-watch.js';
import { usedBytes } from '../../src/testing/conformance/used-bytes.js';

const MB = 1_000_000;

function workFor(cpuMs: number): void {
  const from = process.cpuUsage();
  const spent = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1_000;
  while (spent(process.cpuUsage(from)) < cpuMs);
}

async function heldFor(ms: number, bytes: Buffer): Promise<number> {
  await wait(ms);
  return bytes.length;
}

it('counts the time for which the process kept the event loop from turning', async () => {
  const end = watchLoop();
  await wait(50);
  workFor(MAX_BLOCK_MS + 100);
  await wait(50);
  expect(end().longestBlockMs).toBeGreaterThan(MAX_BLOCK_MS);
});

it('counts a block that lasts until the end', () => {
  const end = watchLoop();
  workFor(MAX_BLOCK_MS + 100);
  expect(end().longestBlockMs).toBeGreaterThan(MAX_BLOCK_MS);
});

it('does not count the time in which others had the machine', async () => {
  const end = watchLoop();
  await wait(50);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * MAX_BLOCK_MS);
  await wait(50);
  expect(end().longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
});

it('sees memory that was in use only for a while', async () => {
  const before = await usedBytes();
  const end = watchLoop();
  expect(await heldFor(200, Buffer.alloc(64 * MB))).toBe(64 * MB);
  expect(await usedBytes()).toBeLessThan(before + 30 * MB);
  expect(end().peakBytes).toBeGreaterThan(before + 60 * MB);
});
