import { awaitedClock } from '../ports/clock.js';
import type { Clock } from '../ports/transport.js';

type Timers = Pick<Clock, 'schedule'>;

/**
 * Settles like `work`, or rejects with `late()` when that takes longer than `timeoutMs`. What `work` does later is ignored.
 *
 * @param clock times it. Without one, the machine's timers do, and keep the process alive meanwhile.
 */
export function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  late: () => Error,
  clock: Timers = awaitedClock,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.schedule(timeoutMs, () => reject(late()));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it came
        reject(error);
      },
    );
  });
}

const LATE = new Error('late');

/**
 * True when `work` resolves within the time, false when it takes longer; it continues then. Rejects when `work` does.
 *
 * @param clock as of {@link withDeadline}.
 */
export function settlesWithin(work: Promise<unknown>, timeoutMs: number, clock?: Timers): Promise<boolean> {
  return withDeadline(work, timeoutMs, () => LATE, clock).then(
    () => true,
    (error: unknown) => {
      if (error === LATE) return false;
      throw error;
    },
  );
}
