/** What `promise` gives, or `undefined` when it takes longer than `limitMs`. `true` for a promise that gives nothing. */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | true | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  try {
    return await Promise.race([promise.then((value) => value ?? true), late]);
  } finally {
    clearTimeout(timer);
  }
}
