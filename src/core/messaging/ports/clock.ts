import type { Clock } from './transport.js';

/** Largest delay that Node's timers can hold; longer ones would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * The turns of the event loop, and the timers that {@link unfakedClock} has. Read at import, so that fake timers of a
 * test runner, which replace the globals later, do not stop messages.
 */
export const atEndOfTurn = queueMicrotask;
export const nextTick = process.nextTick.bind(process);
export const nextTurn = setImmediate;
const unfaked = { setTimeout, clearTimeout, monotonic: performance.now.bind(performance) };

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, callback) => startTimer(delayMs, callback, false),
};

/** The clock of the machine, whose timers keep the process alive: for waits that a result depends on. */
export const awaitedClock: Clock = {
  ...systemClock,
  schedule: (delayMs, callback) => startTimer(delayMs, callback, true),
};

/** The clock of the machine even while a test fakes timers. Its timers keep the process alive. */
export const unfakedClock: Clock = {
  now: () => Date.now(),
  monotonic: unfaked.monotonic,
  schedule: (delayMs, callback) => {
    const timer = unfaked.setTimeout(callback, delayMs);
    return () => unfaked.clearTimeout(timer);
  },
};

/** Calls `callback` again and again, without keeping the process alive. The returned function ends that. */
export function repeatEvery(intervalMs: number, callback: () => void): () => void {
  const timer = setInterval(callback, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Keeps the process alive until the returned function is called. */
export function holdProcess(): () => void {
  const timer = setInterval(() => undefined, MAX_TIMER_MS);
  return () => clearInterval(timer);
}

function startTimer(delayMs: number, callback: () => void, keepsAlive: boolean): () => void {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), MAX_TIMER_MS);
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
    if (!keepsAlive) timer.unref();
  };
  arm(delayMs);
  return () => clearTimeout(timer);
}
