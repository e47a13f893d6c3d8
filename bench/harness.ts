/** One measured figure, with what it must not fall below and what it should reach. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** Against the bare client in the same run, where there is one. */
  readonly ratio?: number;
  readonly floor: number;
  readonly goal: number;
  /** What floor and goal are about. `ratio` and `value` must be at least them, `ceiling` at most. */
  readonly judged: 'ratio' | 'value' | 'ceiling';
}

export interface BenchOptions {
  /** Fewer messages and rounds: ends within a minute. */
  readonly quick: boolean;
  /** Tells what is going on, on standard error. */
  readonly progress: (text: string) => void;
}

/** A family of figures: what `npm run bench -- NAME` runs. */
export interface Bench {
  run(options: BenchOptions): Promise<Figure[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? NaN;
}

/**
 * Runs the contestants in turn, again and again, and gives the median of each: whatever else the machine does hits all
 * of them alike. One round before the first is not counted.
 */
export async function interleave<TName extends string>(
  rounds: number,
  contestants: Readonly<Record<TName, () => Promise<number>>>,
  progress: (text: string) => void,
): Promise<Record<TName, number>> {
  const names = Object.keys(contestants) as TName[];
  const results = new Map<TName, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      globalThis.gc?.();
      const value = await contestants[name]();
      if (round > 0) results.get(name)?.push(value);
      progress(`${round === 0 ? 'warm-up' : `round ${round}`} ${name}: ${format(value)}`);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(results.get(name) ?? [])])) as Record<
    TName,
    number
  >;
}

/** False when a figure is worse than its floor. */
export function holds({ judged, value, ratio, floor }: Figure): boolean {
  if (judged === 'ceiling') return value <= floor;
  return (judged === 'ratio' ? (ratio ?? NaN) : value) >= floor;
}

function reachesGoal(figure: Figure): boolean {
  return holds({ ...figure, floor: figure.goal });
}

export function asTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.figure,
    format(figure.value),
    figure.unit,
    figure.ratio === undefined ? '' : figure.ratio.toFixed(2),
    limit(figure, figure.floor),
    limit(figure, figure.goal),
    holds(figure) ? (reachesGoal(figure) ? 'goal' : 'ok') : 'BELOW FLOOR',
  ]);
  const all = [['figure', 'value', 'unit', 'ratio', 'floor', 'goal', ''], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function limit({ judged }: Figure, value: number): string {
  if (judged === 'ratio') return `${value}x`;
  return judged === 'ceiling' ? `<= ${format(value)}` : format(value);
}

function format(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
}
