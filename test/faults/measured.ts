import { appendFileSync, writeSync } from 'node:fs';
import type { LoadResult } from '../support/transport-load.js';
import type { FaultRow } from './fault-matrix.js';
import { type HealthTold, healthTold } from './transport-bench.js';

const STANDARD_ERROR = 2;

/** What became of the messages while something was wrong. */
export interface Figures {
  readonly accepted: number;
  /** Accepted, and never handled. */
  readonly lost: number;
  readonly handledTwice: number;
  readonly unknown: number;
  readonly unavailable: number;
  readonly longestGapMs: number;
  /** From the moment when all was well again until something was accepted and handled again, where that is measured. */
  readonly goesOnAfterMs?: number;
  /** Accepted and handled after a later message of the same key, where the load had keys. */
  readonly outOfOrder?: number;
  /** Of the process that had the load. */
  readonly memoryGrowthMb?: number;
  /** What health has said meanwhile, where that was looked at. */
  readonly health?: HealthTold;
}

/** What a fault did, for people: past Jest, which keeps what tests say to itself where they run silently. */
export function report(fault: string, line: string): void {
  writeSync(STANDARD_ERROR, `  ${fault}: ${line}\n`);
}

/** Keeps the figures of a row of the matrix where `npm run docs:guarantees` finds them, if a full run asks for it. */
export function record({ system, fault }: FaultRow, figures: Figures): void {
  keepMeasured({ system, fault, figures });
}

/** As {@link record}, of a load, and tells people as well. */
export function reportLoad(row: FaultRow, result: LoadResult, lost: readonly string[], more = ''): void {
  const health = healthTold();
  // Transports that the test itself has closed are down as well, which says nothing.
  const figures = { ...figuresOf(result, lost), ...(health === 'down' ? {} : { health }) };
  report(`${row.system}, ${row.fault}`, explain(figures) + more);
  record(row, figures);
}

/** Appends a line to the file of measured things, if there is one. */
export function keepMeasured(line: object): void {
  const file = process.env['MEASURED_FILE'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}

function figuresOf(result: LoadResult, lost: readonly string[]): Figures {
  const { accepted, unknown, unavailable, handled, longestGapMs, goesOnAfterMs, outOfOrder } = result;
  return {
    accepted: accepted.size,
    lost: lost.length,
    handledTwice: [...handled.values()].filter((times) => times > 1).length,
    unknown: unknown.size,
    unavailable: unavailable.size,
    longestGapMs: Math.round(longestGapMs),
    ...(goesOnAfterMs === undefined ? {} : { goesOnAfterMs: Math.round(goesOnAfterMs) }),
    ...(outOfOrder === undefined ? {} : { outOfOrder }),
    memoryGrowthMb: Math.round(result.memoryGrowthMb),
  };
}

function explain(figures: Figures): string {
  const { accepted, lost, handledTwice, unknown, unavailable, longestGapMs } = figures;
  const { goesOnAfterMs, outOfOrder, memoryGrowthMb, health } = figures;
  return (
    `${accepted} accepted, ${lost} of them lost, ${handledTwice} handled twice, ` +
    `${unknown} unknown, ${unavailable} unavailable, longest gap ${longestGapMs} ms` +
    (goesOnAfterMs === undefined ? '' : `, goes on ${goesOnAfterMs} ms after the end of it`) +
    (outOfOrder === undefined ? '' : `, ${outOfOrder} out of order`) +
    (memoryGrowthMb === undefined ? '' : `, memory ${memoryGrowthMb} MB more`) +
    (health === undefined ? '' : `, health: ${health}`)
  );
}
