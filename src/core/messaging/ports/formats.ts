/**
 * Numbers of the formats in which this version writes what outlives a process or is read by another, and the only place of them.
 *
 * A number is raised when an earlier version would misread what is written. A reader knows all numbers up to its own. What has a
 * higher one it leaves alone: it does not handle, settle, change or delete it, and reports it as {@link NEWER_FORMAT}. What has
 * none is from a version before the numbers, and is read as format 1. `docs/adr/0007-formats-have-numbers.md` has the table.
 */

/** A version that raises every number by one is a newer version: what a build for tests changes here, and nothing else. */
const RAISED_BY = 0;

export const FORMATS = {
  /** A message with the headers and fields of ours: its header or field `x-swy-format`. Absent on a plain message of format 1. */
  message: 1 + RAISED_BY,
  /** A delayed message in a set of its own. The number is its first element. */
  delayed: 1 + RAISED_BY,
  /** What a consumer holds: its lease, its locks and its share of pending messages. The number ends the consumer's name. */
  lease: 1 + RAISED_BY,
  /** What the consumers of a group have seen of it, for recovery. */
  observed: 1 + RAISED_BY,
  /** A dead letter of a store that processes share. */
  deadLetter: 1 + RAISED_BY,
  /** A claim of the idempotency store that processes share. The number begins its value. */
  claim: 1 + RAISED_BY,
  /** An entry of a control store that processes share. The number begins its value. */
  control: 1 + RAISED_BY,
  /** A group in the list of the groups of a topic, and in the announcement of its change. */
  groupEntry: 1 + RAISED_BY,
  /** What a group stores beside its position. */
  progress: 1 + RAISED_BY,
  /** What a member of a group says about itself: the highest number of the messages and the progress that it reads. */
  member: 1 + RAISED_BY,
} as const;

/** Code of the problem of something in a format that this version does not know. It is left to processes of a newer version. */
export const NEWER_FORMAT = 'newer_format';

/** Far above what any version writes: a larger number is foreign, and no format. */
const MAX_FORMAT = 1_000;

/** The number, when it is that of a format above the one that is known; else undefined, also for what is no number of a format. */
export function newerFormat(written: unknown, known: number): number | undefined {
  const number = typeof written === 'string' && /^\d{1,4}$/.test(written) ? Number(written) : written;
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  return number > known && number <= MAX_FORMAT ? number : undefined;
}
