const MIB = 2 ** 20;

/** What one batch, and one answer of the broker, may make this process hold. Checked before anything is expanded. */
export const DECODE_LIMITS = {
  /** A few kilobytes can be made to expand to gigabytes. Brokers take batches of 1 MiB unless they are configured otherwise. */
  maxExpandedBytes: 128 * MIB,
  /** Ten times what a batch of 1 MiB holds in practice: an empty record takes 7 bytes there, and hundreds in memory. */
  maxBatchRecords: 250_000,
  /** Of one record. The core sends 64 at most, unless it is configured otherwise. */
  maxHeaders: 1_000,
  /** Names and values of the headers of one record. */
  maxHeaderBytes: MIB,
  /** Records of one answer; what is left over comes with the next one. The client takes all of an answer in one turn. */
  maxAnswerRecords: 100_000,
  /** Expanded bytes of one answer after which no further batch of it is expanded. */
  maxAnswerExpandedBytes: 128 * MIB,
  /** Raw bytes of a batch that cannot be read, as its dead letter keeps them. */
  maxKeptBytes: MIB,
} as const;
