/** How long things stood still, from the lines of the histories. */
export class Timeline {
  readonly #accepted: number[] = [];
  readonly #handled: number[] = [];
  readonly #healed: { readonly what: string; readonly t: number }[] = [];

  add(text: string): void {
    const { e, t, what, isOn } = JSON.parse(text) as { e: string; t: number; what?: string; isOn?: boolean };
    if (e === 'a') this.#accepted.push(t);
    else if (e === 'h') this.#handled.push(t);
    else if (e === 'n' && isOn === false) this.#healed.push({ what: what ?? '', t });
  }

  get acceptedCount(): number {
    return this.#accepted.length;
  }

  figures(): {
    readonly longestGapMs: number;
    readonly slowestProgressMs: number;
    readonly slowestAfter: string;
  } {
    const accepted = [...this.#accepted].sort((one, other) => one - other);
    const handled = [...this.#handled].sort((one, other) => one - other);
    let slowest = { what: 'nothing', ms: 0 };
    for (const { what, t } of this.#healed) {
      const next = (times: readonly number[]): number => (times.find((time) => time >= t) ?? Infinity) - t;
      const ms = Math.max(next(accepted), next(handled));
      if (ms > slowest.ms) slowest = { what, ms };
    }
    return {
      longestGapMs: accepted.reduce(
        (gap, time, index) => Math.max(gap, time - (accepted[index - 1] ?? time)),
        0,
      ),
      slowestProgressMs: slowest.ms,
      slowestAfter: slowest.what,
    };
  }
}
