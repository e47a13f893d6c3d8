/**
 * How many times longer than by the time of `now` things have taken, from when it was called. At least 1.
 *
 * @param now milliseconds that pass more slowly where the machine is slow.
 */
export function watchSlowdown(now: () => number): () => number {
  const [wallMs, from] = [performance.now(), now()];
  return () => {
    const passed = now() - from;
    return Math.max(1, (performance.now() - wallMs) / Math.max(1, passed));
  };
}
