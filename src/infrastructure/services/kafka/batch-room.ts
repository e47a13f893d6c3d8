/** How much each partition of a request can still take; the broker limits the batch of a partition, not the request. */
export class BatchRoom {
  readonly #bytes: number[];

  constructor(
    private readonly partitions: number,
    private readonly maxBytes: number,
  ) {
    this.#bytes = new Array<number>(partitions).fill(0);
  }

  /** The partition, when so much fits into it. A message that is too large for any batch goes alone. */
  only(partition: number, bytes: number): number | undefined {
    const before = this.#bytes[partition] ?? 0;
    return before === 0 || before + bytes <= this.maxBytes ? partition : undefined;
  }

  /** The first from there on into which so much fits. */
  nearest(from: number, bytes: number): number | undefined {
    for (let step = 0; step < this.partitions; step += 1) {
      const found = this.only((from + step) % this.partitions, bytes);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  take(partition: number, bytes: number): void {
    this.#bytes[partition] = (this.#bytes[partition] ?? 0) + bytes;
  }
}
