/** Crashes of the offsets from the first up to, without it, the second. */
type Range = readonly [from: number, to: number, crashes: number];

export interface Progress {
  readonly position: number;
  settledAhead(maxPairs: number): number[];
}

/** What a group may store with an offset; Kafka takes 4,096 bytes unless it is configured otherwise. */
const MAX_RANGES = 40;

const MAX_PAIRS = 200;

/**
 * How often a process has died while it had a message in hand. Kafka does not count that, so what was handed out is noted with
 * the offset of its group: whoever takes a partition over finds there what its dead owner had in hand. What was settled out of
 * order is noted, too, so that it does not come again.
 */
export class CrashCounts {
  #ranges: readonly Range[];
  #handedOutTo: number;
  /** What was in hand at the last crash; from there on nothing is suspect. */
  readonly suspectsEnd: number;

  private constructor(
    ranges: readonly Range[],
    handedOutTo: number,
    private readonly settled: readonly (readonly [from: number, to: number])[],
  ) {
    this.#ranges = ranges;
    this.#handedOutTo = handedOutTo;
    this.suspectsEnd = Math.max(0, ...ranges.map(([, to]) => to));
  }

  /** @param metadata what was committed with `position`, by this group or by a stranger. */
  static takeOver(position: number, metadata: string | null): CrashCounts {
    const { handedOutTo, ranges, settled } = parse(metadata);
    const open = handedOutTo > position ? handedOutTo : position;
    const counted = ranges.flatMap((range) => raised(range, position, open));
    const covered = counted.length === 0 ? position : Math.max(...counted.map(([, to]) => to));
    if (open > covered) counted.push([covered, open, 1]);
    return new CrashCounts(merged(counted), position, rangesOf(settled, position));
  }

  /** Crashes that the message at this offset has seen. */
  crashesOf(offset: number): number {
    for (const [from, to, crashes] of this.#ranges) if (offset >= from && offset < to) return crashes;
    return 0;
  }

  /** The last owner has settled it. */
  isSettled(offset: number): boolean {
    return this.settled.some(([from, to]) => offset >= from && offset < to);
  }

  /** Everything before the offset is in hand or settled. */
  handOut(offset: number): void {
    if (offset > this.#handedOutTo) this.#handedOutTo = offset;
  }

  /**
   * What to store with the position.
   *
   * @param isOpen false when nothing would be in hand if this process died now.
   */
  metadata(progress: Progress, isOpen: boolean): string {
    const { position } = progress;
    this.#ranges = this.#ranges.filter(([, to]) => to > position);
    const ranges = this.#ranges.length === 0 ? {} : { c: this.#ranges };
    const open = isOpen && this.#handedOutTo > position ? { h: this.#handedOutTo } : {};
    const settled = progress.settledAhead(MAX_PAIRS);
    return JSON.stringify({ ...open, ...ranges, ...(settled.length === 0 ? {} : { s: settled }) });
  }
}

/** One crash more for the part of the range that was in hand. */
function raised([from, to, crashes]: Range, position: number, open: number): Range[] {
  const start = Math.max(from, position);
  const middle = Math.max(start, Math.min(to, open));
  const parts: Range[] = [
    [start, middle, crashes + 1],
    [middle, to, crashes],
  ];
  return parts.filter(([first, end]) => end > first);
}

function merged(ranges: readonly Range[]): readonly Range[] {
  const all: Range[] = [];
  for (const range of [...ranges].sort(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last && last[1] === range[0] && last[2] === range[2])
      all[all.length - 1] = [last[0], range[1], range[2]];
    else all.push(range);
  }
  return all.slice(0, MAX_RANGES);
}

interface Parsed {
  readonly handedOutTo: number;
  readonly ranges: readonly Range[];
  readonly settled: readonly number[];
}

function parse(metadata: string | null): Parsed {
  const nothing = { handedOutTo: 0, ranges: [], settled: [] };
  if (!metadata) return nothing;
  try {
    const { h = 0, c = [], s = [] } = JSON.parse(metadata) as Readonly<Record<'h' | 'c' | 's', unknown>>;
    if (!Array.isArray(c) || !Array.isArray(s)) return nothing;
    return {
      handedOutTo: isOffset(h) ? h : 0,
      ranges: c.filter(isRange),
      settled: s.every(isOffset) ? s : [],
    };
  } catch {
    return nothing; // somebody else's
  }
}

function rangesOf(pairs: readonly number[], position: number): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let end = position;
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const from = end + (pairs[index] ?? 0);
    end = from + (pairs[index + 1] ?? 0);
    ranges.push([from, end]);
  }
  return ranges;
}

function isRange(value: unknown): value is Range {
  return Array.isArray(value) && value.length === 3 && value.every(isOffset);
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
