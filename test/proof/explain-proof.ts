import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProofResult } from './proof-run.js';

/** Ids of which everything that is known is told. */
const TOLD_IDS = 5;
const MIB = 1024 * 1024;

/** A run for people: what happened, what was found, and of what went wrong everything that is known. */
export function explainProof(result: ProofResult): string {
  const { verdict, figures, faults, growth, problems, directory } = result;
  const lost = Object.entries(verdict.lost).map(
    ([level, { count }]) => `${count} of them lost at "${level}"`,
  );
  const happened = [...faults].map(([name, times]) => `${name} (${times})`);
  return [
    `${verdict.accepted} accepted, ${lost.join(', ')}, ${verdict.unknown} unknown, ${verdict.failed} failed; ` +
      `${verdict.duplicated.count} handled more than once, ${verdict.reordered.count} out of order, ` +
      `${verdict.aborted.count} aborted, ${verdict.phantom.count} phantom`,
    `longest gap between acceptances ${figures.longestGapMs} ms, slowest progress ${figures.slowestProgressMs} ms after "${figures.slowestAfter}"; ` +
      `${Math.round(growth.rssBytes / MIB)} MiB and ${growth.handles} handles more than in the beginning`,
    `faults: ${happened.join(', ') || 'none'}`,
    ...problems.map((problem) => `PROBLEM ${problem}`),
    ...(problems.length === 0 ? [] : [...timelinesOf(result), `Histories and logs are kept in ${directory}`]),
  ].join('\n  ');
}

/** Every line about the ids that a verdict names, in the order of time. */
function timelinesOf({ verdict, directory }: ProofResult): string[] {
  const { lost, aborted, phantom, unhandled, reordered } = verdict;
  const findings = [...Object.values(lost), aborted, phantom, unhandled, reordered];
  const ids = [...new Set(findings.flatMap(({ sample }) => sample))].slice(0, TOLD_IDS);
  const histories = join(directory, 'histories');
  const lines = readdirSync(histories).flatMap((name) =>
    readFileSync(join(histories, name), 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => ({
        name,
        ...(JSON.parse(line) as { t: number; e: string; id?: string; group?: string; topic?: string }),
      })),
  );
  return ids.flatMap((id) => [
    `${id}:`,
    ...lines
      .filter((line) => line.id === id)
      .sort((one, other) => one.t - other.t)
      .map(
        ({ name, t, e, group, topic = '' }) =>
          `  ${new Date(t).toISOString()} ${e} ${group ?? topic} (${name})`,
      ),
  ]);
}
