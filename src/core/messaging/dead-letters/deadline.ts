import type { Clock } from '../transport.js';

/** Settles like `work`, or rejects with `lateError()` when that takes longer than `deadlineMs`. */
export function withDeadline<T>(
  work: Promise<T>,
  deadlineMs: number,
  clock: Clock,
  lateError: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.schedule(deadlineMs, () => reject(lateError()));
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
