import { FORMATS, newerFormat } from '../../../../core/messaging/ports/formats.js';

/** Crashes of the offsets from the first up to, without it, the second. */
type Range = readonly [from: number, to: number, crashes: number];

export interface Progress {
  readonly position: number;
  settledAhead(maxPairs: number): number[];
}

/** A group may store metadata with an offset: Kafka takes 4,096 bytes unless it is configured otherwise. */
const MAX_RANGES = 40;

const MAX_PAIRS = 200;

/**
 * How often a process has died while it had a message in flight. Kafka does not count that, so the offsets in flight are stored in
 * the metadata of the group's committed offset, where the next owner of the partition finds them. Offsets that were settled out of
 * order are stored, too, so that they are not delivered again.
 */
export class CrashCounts {
  #ranges: readonly Range[];
  #handedOutTo: number;
  /** End of the offsets that were in flight at the last crash; later ones are not suspect. */
  readonly suspectsEnd: number;

  private constructor(
    ranges: readonly Range[],
    handedOutTo: number,
    private readonly settled: readonly (readonly [from: number, to: number])[],
    /** Format of what was stored, when it is of a newer version: then nothing of it is known, and nothing may replace it. */
    readonly newerFormat: number | undefined,
  ) {
    this.#ranges = ranges;
    this.#handedOutTo = handedOutTo;
    this.suspectsEnd = Math.max(0, ...ranges.map(([, to]) => to));
  }

  /** @param metadata committed with `position`, by this package or by a foreign tool. */
  static takeOver(position: number, metadata: string | null): CrashCounts {
    const { handedOutTo, ranges, settled, newer } = parse(metadata);
    const open = handedOutTo > position ? handedOutTo : position;
    const counted = ranges.flatMap((range) => raised(range, position, open));
    const covered = counted.length === 0 ? position : Math.max(...counted.map(([, to]) => to));
    if (open > covered) counted.push([covered, open, 1]);
    return new CrashCounts(merged(counted), position, rangesOf(settled, position), newer);
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

  /** How many of these offsets the last owner has settled. */
  settledWithin(start: number, end: number): number {
    return this.settled.reduce(
      (sum, [from, to]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, start)),
      0,
    );
  }

  /** Everything before the offset is in flight or settled. */
  handOut(offset: number): void {
    if (offset > this.#handedOutTo) this.#handedOutTo = offset;
  }

  /**
   * What to store with the position.
   *
   * @param isOpen false when a death of this process would not be a crash of a message in flight.
   */
  metadata(progress: Progress, isOpen: boolean): string {
    const { position } = progress;
    this.#ranges = this.#ranges.filter(([, to]) => to > position);
    const ranges = this.#ranges.length === 0 ? {} : { c: this.#ranges };
    const open = isOpen && this.#handedOutTo > position ? { h: this.#handedOutTo } : {};
    const settled = progress.settledAhead(MAX_PAIRS);
    const all = { ...open, ...ranges, ...(settled.length === 0 ? {} : { s: settled }) };
    return JSON.stringify({ v: FORMATS.progress, ...all });
  }
}

/** One crash more for the part of the range that was in flight. */
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
  readonly newer?: number | undefined;
}

function parse(metadata: string | null): Parsed {
  const nothing = { handedOutTo: 0, ranges: [], settled: [] };
  if (!metadata) return nothing;
  try {
    const {
      v,
      h = 0,
      c = [],
      s = [],
    } = JSON.parse(metadata) as Readonly<Record<'v' | 'h' | 'c' | 's', unknown>>;
    const newer = newerFormat(v, FORMATS.progress);
    if (newer !== undefined) return { ...nothing, newer };
    return { ...nothing, ...progressOf(h, c, s) };
  } catch {
    return nothing; // written by a foreign tool
  }
}

function progressOf(h: unknown, c: unknown, s: unknown): Partial<Parsed> {
  if (!Array.isArray(c) || !Array.isArray(s)) return {};
  return {
    handedOutTo: isOffset(h) ? h : 0,
    ranges: c.filter(isRange),
    settled: s.every(isOffset) ? s : [],
  };
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
