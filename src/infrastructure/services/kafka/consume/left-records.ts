import type { Subscription } from '../../../../core/messaging/ports/transport.js';
import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import type { DecodedRecord } from '../wire/kafka-record.js';
import type { Partition } from './partition.js';

/**
 * Records of a newer version in partitions of this process. They stay unsettled, so that the next owner of the partition reads them
 * again. With order by key, so do all later ones of their keys.
 */
export class LeftRecords {
  readonly #keys = new WeakMap<Partition, Set<string>>();
  readonly #counts = new Map<Partition, number>();

  constructor(
    private readonly formats: NewerFormats,
    private readonly ordering: Subscription['ordering'],
  ) {}

  /** In partitions that this process still has. */
  get count(): number {
    let sum = 0;
    for (const [partition, count] of this.#counts)
      if (partition.isLost) this.#counts.delete(partition);
      else sum += count;
    return sum;
  }

  /** Whether the record is left to another process; from then on it counts. */
  leaves(partition: Partition, { message: { key }, newerFormat }: DecodedRecord): boolean {
    let keys = this.#keys.get(partition);
    const isBehind = key !== undefined && keys?.has(key) === true;
    if (newerFormat === undefined && !isBehind) return false;
    if (this.ordering === 'key' && key !== undefined) {
      if (!keys) this.#keys.set(partition, (keys = new Set()));
      keys.add(key);
    }
    this.#counts.set(partition, (this.#counts.get(partition) ?? 0) + 1);
    this.formats.found('messages', newerFormat, () => this.count > 0);
    return true;
  }
}
