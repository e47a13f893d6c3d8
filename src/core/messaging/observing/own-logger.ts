// eslint-disable-next-line no-restricted-imports -- the one place
import { Logger } from '@nestjs/common';
import { logLine } from './log-line.js';
import { onOneLine } from '../ports/one-line.js';

type Level = 'log' | 'warn' | 'error';

/** Nest's logger for the lines of this package: what they carry from outside has its control characters escaped. */
export class OwnLogger {
  readonly #logger: Logger;

  constructor(category: string) {
    this.#logger = new Logger(category);
  }

  log(line: unknown): void {
    this.#write('log', line);
  }

  warn(line: unknown): void {
    this.#write('warn', line);
  }

  error(line: unknown): void {
    this.#write('error', line);
  }

  #write(level: Level, line: unknown): void {
    const safe = harmless(line);
    const isObject = typeof safe === 'object' && safe !== null;
    this.#logger[level](isObject ? logLine(safe, onOneLine(JSON.stringify(line))) : safe);
  }
}

function harmless(value: unknown): unknown {
  if (typeof value === 'string') return onOneLine(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(harmless);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [onOneLine(name), harmless(member)]),
  );
}
