/** Counts by one or two words. */
export class Counts {
  readonly #byFirst = new Map<string, Map<string, number>>();

  add(first: string, second = '', count = 1): void {
    let bySecond = this.#byFirst.get(first);
    if (!bySecond) this.#byFirst.set(first, (bySecond = new Map<string, number>()));
    bySecond.set(second, (bySecond.get(second) ?? 0) + count);
  }

  *entries(): Generator<readonly [first: string, second: string, count: number]> {
    for (const [first, bySecond] of this.#byFirst) {
      for (const [second, count] of bySecond) yield [first, second, count];
    }
  }
}
