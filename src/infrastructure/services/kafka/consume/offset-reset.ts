/** Where a group continues that has lost its offset in a partition. */
export type OnOffsetLost = 'earliest' | 'latest' | 'stop';

/** Offsets that a partition holds: the first one, and the one behind the last. */
export interface OffsetRange {
  readonly low: number;
  readonly high: number;
}

/** The group's offset is not in the log of the partition. */
export interface OffsetReset {
  /**
   * `beyond_end`: the topic was recreated, the log was cut off, or the offset was set by hand. `before_start`: the broker has removed
   * messages that the group had not read.
   */
  readonly cause: 'beyond_end' | 'before_start';
  readonly from: number;
  /** Where reading continues; undefined when it stops. */
  readonly to: number | undefined;
  /** Offsets that the broker has removed before they were read. */
  readonly removed: number;
  /** Offsets that are in the log and are skipped by the policy. */
  readonly skipped: number;
}

/** Undefined when the offset is in the log, or just behind it. */
export function resetOf(
  from: number,
  { low, high }: OffsetRange,
  policy: OnOffsetLost,
): OffsetReset | undefined {
  if (from >= low && from <= high) return undefined;
  const to = { earliest: low, latest: high, stop: undefined }[policy];
  const skipped = policy === 'latest' ? high - low : 0;
  return from > high
    ? { cause: 'beyond_end', from, to, removed: 0, skipped }
    : { cause: 'before_start', from, to, removed: low - from, skipped };
}
