import type { OnProgress } from '../../infrastructure/services/embedded/embedded.maintenance.js';
import type { Terminal } from '../command.js';

const EVERY_MS = 1_000;

/** A line every second, also where the output is kept in a log. */
export function progressOn(terminal: Terminal, directory: string): OnProgress {
  let next = performance.now() + EVERY_MS;
  return ({ table, records, expected }) => {
    if (performance.now() < next) return;
    next = performance.now() + EVERY_MS;
    terminal.err(`${directory}: table ${table}, ${records} of about ${Math.max(records, expected)} records`);
  };
}
