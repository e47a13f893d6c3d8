/** The last things of a kind that happened to messages. Each new one takes the place of the oldest. */
export class Recent<T extends { readonly at: number }> {
  readonly #items: T[] = [];
  #next = 0;

  /** @param size how many are remembered. */
  constructor(private readonly size: number) {}

  add(item: T): void {
    this.#items[this.#next] = item;
    this.#next = this.#next + 1 === this.size ? 0 : this.#next + 1;
  }

  /** Those that match, in the order in which they were added. Looks at all, so it is for questions of people. */
  find(matches: (item: T) => boolean): readonly T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].filter(matches);
  }

  /** When the oldest of them was; undefined as long as nothing was forgotten. */
  get since(): number | undefined {
    return this.#items.length < this.size ? undefined : this.#items[this.#next]?.at;
  }
}
