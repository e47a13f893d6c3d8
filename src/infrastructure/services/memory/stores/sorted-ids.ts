/** Ids in their order, for going through them page by page: the next page costs the same however many there are. */
export class SortedIds {
  readonly #ids: string[] = [];

  /** @param id one that is not there yet. */
  add(id: string): void {
    const last = this.#ids.at(-1);
    // Ids begin with the time, so that nearly every one comes last.
    if (last === undefined || last < id) this.#ids.push(id);
    else this.#ids.splice(this.#countUntil(id), 0, id);
  }

  delete(id: string): void {
    const index = this.#countUntil(id) - 1;
    if (this.#ids[index] === id) this.#ids.splice(index, 1);
  }

  /** Those above `id`, from low to high. All without one. */
  *above(id?: string): Iterable<string> {
    for (let index = id === undefined ? 0 : this.#countUntil(id); index < this.#ids.length; index++)
      yield this.#ids[index] as string;
  }

  /** Those below `id`, from high to low. All without one. */
  *below(id?: string): Iterable<string> {
    let index = id === undefined ? this.#ids.length : this.#countUntil(id);
    if (id !== undefined && this.#ids[index - 1] === id) index -= 1;
    while (index-- > 0) yield this.#ids[index] as string;
  }

  /** How many are not above `id`. */
  #countUntil(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ids[middle] as string) <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
