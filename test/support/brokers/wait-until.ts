import { machineNow } from '../machine-time.js';

const POLL_MS = 50;
/** Longest time in which nothing moves before something is called stuck. */
const STANDSTILL_MS = 60_000;

type Condition = () => Promise<boolean>;

/**
 * Polls until `condition` resolves to true; a rejection counts as false. Rejects after `timeoutMs`, naming `what`: milliseconds of a machine
 * that has nothing else to do, so that a loaded one is given longer.
 */
export async function waitUntil(what: string, condition: Condition, timeoutMs = 60_000): Promise<void> {
  const from = performance.now();
  const deadline = machineNow() + timeoutMs;
  while (!(await holds(condition))) {
    if (machineNow() > deadline) {
      const wallMs = Math.round(performance.now() - from);
      throw new Error(`After ${timeoutMs} ms (${wallMs} on this machine) still not true: ${what}.`);
    }
    await poll();
  }
}

/**
 * As {@link waitUntil}, however long it takes while `progress` changes: for what depends on how much there is. Rejects once it has stayed the
 * same for `standstillMs`.
 *
 * @param progress what changes while things move, such as a count; said in the error.
 */
export async function waitWhileMoving(
  what: string,
  condition: Condition,
  progress: () => number | string,
  standstillMs = STANDSTILL_MS,
): Promise<void> {
  let seen = progress();
  let since = machineNow();
  while (!(await holds(condition))) {
    const now = progress();
    if (now !== seen) [seen, since] = [now, machineNow()];
    else if (machineNow() - since > standstillMs)
      throw new Error(
        `Nothing has moved for ${standstillMs} ms (stuck at ${seen}), and still not true: ${what}.`,
      );
    await poll();
  }
}

const holds = (condition: Condition): Promise<boolean> => condition().catch(() => false);

const poll = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS));
