import type { DrainSignal } from '../ports/drain-signals.js';

/** Returns what takes the listener away again. */
export function onDrainSignal(
  signal: DrainSignal | undefined,
  drain: (signal: DrainSignal) => void,
): () => void {
  if (signal === undefined) return () => undefined;
  const listener = (): void => drain(signal);
  process.on(signal, listener);
  return () => process.off(signal, listener);
}
