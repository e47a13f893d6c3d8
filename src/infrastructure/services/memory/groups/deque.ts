const INITIAL_CAPACITY = 16;
/** A smaller ring is not worth shrinking. */
const SHRINKING_CAPACITY = 4_096;

/** A queue in a ring: taking from the front costs the same however long it is. */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(INITIAL_CAPACITY).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#resize(this.#ring.length * 2);
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length += 1;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    // What a backlog needed must not be kept for ever. By then it was copied no more than once for each item taken.
    if (this.#ring.length > SHRINKING_CAPACITY && this.#length < this.#ring.length / 8)
      this.#resize(this.#ring.length / 4);
    return item;
  }

  /** The item at this distance from the front. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[(this.#head + index) & (this.#ring.length - 1)] : undefined;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.#length; index++) yield this.at(index) as T;
  }

  #resize(capacity: number): void {
    const next = new Array<T | undefined>(capacity).fill(undefined);
    for (let index = 0; index < this.#length; index++) next[index] = this.at(index);
    this.#ring = next;
    this.#head = 0;
  }
}
