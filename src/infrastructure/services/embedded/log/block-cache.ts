import type { Block } from '../records/block.js';

const MAX_BYTES = 8 * 1024 * 1024;

/** The blocks published last, so that the groups that keep up share one copy and do not read at all. */
export class BlockCache {
  /** By topic and first sequence number; oldest first. */
  readonly #blocks = new Map<string, Block>();
  #bytes = 0;

  add(topicId: number, firstSeq: number, block: Block): void {
    this.#blocks.set(`${topicId}:${firstSeq}`, block);
    this.#bytes += block.bytes.length;
    for (const [key, oldest] of this.#blocks) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#blocks.delete(key);
      this.#bytes -= oldest.bytes.length;
    }
  }

  get(topicId: number, firstSeq: number): Block | undefined {
    return this.#blocks.get(`${topicId}:${firstSeq}`);
  }
}
