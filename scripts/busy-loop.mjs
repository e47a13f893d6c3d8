import { Worker } from 'node:worker_threads';

/**
 * Keeps one core busy, as a foreign process would, until the returned function is called. A thread, so that it ends
 * with its process.
 */
export function startBusyLoop() {
  const worker = new Worker('for (;;);', { eval: true });
  return () => worker.terminate();
}
