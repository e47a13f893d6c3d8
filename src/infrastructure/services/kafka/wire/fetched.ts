import type { Headers } from './header-reader.js';
import { keptOf, type Unreadable } from './unreadable.js';

/** A record in the shape that the client gives it. */
export interface Fetched {
  readonly magicByte: number;
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** Set when it cannot be read, or stands for a batch that cannot be: its value is what is kept of the bytes. */
  readonly unreadable?: Unreadable;
}

export interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly partitionLeaderEpoch: number;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly maxTimestamp: string;
  /** 1 where the broker has set the timestamp. */
  readonly timestampType: number;
  readonly magicByte: number;
}

/** What a batch says of itself. */
export interface BatchHead {
  readonly context: BatchContext;
  readonly attributes: number;
  readonly count: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly firstTimestamp: number;
}

/** A part of a batch that cannot be read, or all of it. */
export interface UnreadablePart {
  readonly why: string;
  readonly bytes: Buffer;
  readonly from: number;
  /** First offset that cannot be read. @default the first of the batch */
  readonly firstOffset?: number;
}

/** At the last of its offsets, so that reading continues behind it. */
export function unreadableBatch(
  { context, attributes, count, lastOffset, firstOffset }: BatchHead,
  { why, bytes, from, firstOffset: first = firstOffset }: UnreadablePart,
): Fetched {
  const last = Math.max(lastOffset, from);
  const unreadable = {
    firstOffset: first,
    lastOffset: last,
    why,
    claimedRecords: count,
    bytes: bytes.length,
  };
  return {
    magicByte: context.magicByte,
    attributes,
    timestamp: context.maxTimestamp,
    offset: String(last),
    key: null,
    value: keptOf(bytes),
    headers: {},
    isControlRecord: false,
    batchContext: context,
    unreadable,
  };
}

/** What the client takes for the end of a transaction: nothing is delivered, and reading continues behind it. */
export function endOf({ context, attributes, lastOffset }: BatchHead): Fetched {
  return {
    magicByte: context.magicByte,
    attributes,
    timestamp: context.maxTimestamp,
    offset: String(lastOffset),
    key: null,
    value: null,
    headers: {},
    isControlRecord: true,
    batchContext: context,
  };
}
