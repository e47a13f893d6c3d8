/** What happened to one message of one group. The numbers are on disk. */
export const DELIVERY_RECORD = {
  /** `number` is the highest sequence number that the group has taken from the log; all before it are settled. */
  high: 1,
  /** Taken from the log, not in the hands of a handler; `attempt` is the one it will have. */
  taken: 2,
  /** In the hands of a handler as `attempt`. */
  handed: 3,
  settled: 4,
  /** As `handed` and `taken`, for an entry of the due table; `number` is its serial number. */
  dueHanded: 5,
  dueTaken: 6,
  dueSettled: 7,
  /** The group was removed. */
  forgotten: 8,
} as const;
export type DeliveryRecordKind = (typeof DELIVERY_RECORD)[keyof typeof DELIVERY_RECORD];

export interface DeliveryRecord {
  readonly kind: DeliveryRecordKind;
  readonly groupId: number;
  readonly number: number;
  readonly attempt: number;
}

/** kind (1) unused (1) attempt (2) group (4) number (8) */
export const RECORD_BYTES = 16;
const MAX_ATTEMPT = 0xffff;
export function recordAt(records: Buffer, at: number): DeliveryRecord {
  return {
    kind: records[at] as DeliveryRecordKind,
    attempt: records.readUInt16LE(at + 2),
    groupId: records.readUInt32LE(at + 4),
    number: records.readDoubleLE(at + 8),
  };
}

/** Records as bytes, in memory that is used again. */
export class RecordBuffer {
  #bytes = Buffer.allocUnsafe(64 * RECORD_BYTES);
  length = 0;

  push(kind: DeliveryRecordKind, groupId: number, number: number, attempt: number): void {
    if (this.length + RECORD_BYTES > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#bytes.length);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    bytes[this.length] = kind;
    bytes[this.length + 1] = 0;
    bytes.writeUInt16LE(Math.min(attempt, MAX_ATTEMPT), this.length + 2);
    bytes.writeUInt32LE(groupId, this.length + 4);
    bytes.writeDoubleLE(number, this.length + 8);
    this.length += RECORD_BYTES;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** Forgets the records and keeps the memory. */
  clear(): void {
    this.length = 0;
  }
}
