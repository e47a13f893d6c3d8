import type { Taken } from './offset-tracker.js';

/** Of one partition. More only pile up while the group has no coordinator for long. */
const MAX_REMEMBERED = 100_000;

/**
 * What this process has settled of a partition and the group has not stored yet: when the partition was lost in between, it is read
 * again and not handled again. Ids are compared, because a recreated topic has the same offsets.
 */
export class SettledOffsets {
  #settled: Taken[] = [];
  /** Ids by offset, while the partition is read again. */
  #again: Map<number, string> | undefined;

  /** The partition is lost: its messages may be read again. */
  lose(): void {
    this.#again = new Map(this.#settled.map(({ offset, id }) => [offset, id]));
  }

  add(taken: Taken): void {
    if (this.#settled.length >= MAX_REMEMBERED) this.#settled = this.#settled.slice(MAX_REMEMBERED / 2);
    this.#settled.push(taken);
    this.#again?.set(taken.offset, taken.id);
  }

  has(offset: number, id: string): boolean {
    return this.#again?.get(offset) === id;
  }

  /** The group never reads again what lies before. */
  stored(position: number): void {
    this.#settled = this.#settled.filter(({ offset }) => offset >= position);
    if (this.#settled.length === 0) this.#again = undefined;
  }
}
