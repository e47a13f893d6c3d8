/** Rejects with the error when the promise has not settled in time. What it does later is ignored. */
export function within<T>(promise: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Longest wait for the answer to a small question on a channel; a connection that is silent for longer is given up anyway. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The answer of a broker to a question about its channel. */
export function answered<T>(answer: Promise<T>): Promise<T> {
  return within(answer, ANSWER_TIMEOUT_MS, () => new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
}
