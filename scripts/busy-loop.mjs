import { Worker } from 'node:worker_threads';

/**
 * Keeps one core busy, as a foreign process would, until the returned function is called. A thread and no process, so that it
 * is gone with the one that wanted it.
 */
export function startBusyLoop() {
  const worker = new Worker('for (;;);', { eval: true });
  return () => worker.terminate();
}
