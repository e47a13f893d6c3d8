import type { Clock } from '../ports/transport.js';

interface Due<T> {
  readonly dueMs: number;
  /** Among equal times the earlier one comes first. */
  readonly order: number;
  readonly item: T;
}

/** Keeps items until their time and hands them over in the order of their times. One timer, for the earliest. */
export class DueQueue<T> {
  readonly #heap: Due<T>[] = [];
  #order = 0;
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly onDue: (item: T) => void,
  ) {}

  get size(): number {
    return this.#heap.length;
  }

  add(item: T, delayMs: number): void {
    const due = { dueMs: this.clock.monotonic() + delayMs, order: this.#order++, item };
    this.#heap.push(due);
    this.#rise(this.#heap.length - 1);
    this.#arm();
  }

  /** Forgets everything. */
  clear(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerDueMs = Infinity;
    this.#heap.length = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const due of this.#heap) yield due.item;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first || first.dueMs >= this.#timerDueMs) return;
    this.#cancelTimer?.();
    this.#timerDueMs = first.dueMs;
    this.#cancelTimer = this.clock.schedule(Math.max(0, first.dueMs - this.clock.monotonic()), () =>
      this.#fire(),
    );
  }

  #fire(): void {
    this.#timerDueMs = Infinity;
    const now = this.clock.monotonic();
    for (let first = this.#heap[0]; first && first.dueMs <= now; first = this.#heap[0]) {
      this.#removeFirst();
      this.onDue(first.item);
    }
    this.#arm();
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #sink(): void {
    let index = 0;
    for (;;) {
      const left = index * 2 + 1;
      let first = index;
      if (left < this.#heap.length && this.#isBefore(left, first)) first = left;
      if (left + 1 < this.#heap.length && this.#isBefore(left + 1, first)) first = left + 1;
      if (first === index) return;
      this.#swap(index, first);
      index = first;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (!left || !right) return false;
    return left.dueMs === right.dueMs ? left.order < right.order : left.dueMs < right.dueMs;
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (!left || !right) return;
    this.#heap[a] = right;
    this.#heap[b] = left;
  }
}
