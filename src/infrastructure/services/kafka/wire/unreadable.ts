import type { KafkaMessage } from '../client/kafkajs-client.js';
import { DECODE_LIMITS } from './decode-limits.js';

/** Why a record, or a batch of them, cannot be read. One record of the answer stands for all of its offsets. */
export interface Unreadable {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** As the end of a sentence. */
  readonly why: string;
  /** Records that it says it has; undefined for a single one. */
  readonly claimedRecords: number | undefined;
  /** Bytes that it has; its value holds the first ones of them. */
  readonly bytes: number;
}

/** A message as the patched decoder has the client hand it over. */
export type FetchedMessage = KafkaMessage & {
  readonly unreadable?: Unreadable;
  readonly batchContext?: { readonly timestampType: number };
};

/** The part of the bytes that is kept: a copy, because a dead letter would keep all of the answer otherwise. */
export function keptOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, DECODE_LIMITS.maxKeptBytes));
}

/** For operators: what cannot be read, where it is, and why. */
export function unreadableText(
  { firstOffset, lastOffset, why, claimedRecords, bytes }: Unreadable,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): string {
  const place = `of partition ${partition} of topic "${topic}" cannot be read`;
  if (claimedRecords === undefined) return `The record at offset ${lastOffset} ${place}: ${why}.`;
  const kept = Math.min(bytes, DECODE_LIMITS.maxKeptBytes);
  return `The batch at offsets ${firstOffset} to ${lastOffset} ${place}: ${why}. It says that it has ${claimedRecords} records. The first ${kept} of its ${bytes} bytes are kept.`;
}
