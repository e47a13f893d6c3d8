import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { MessageContext } from '../../index.js';

/** One group has handled one order. */
export interface LedgerEntry {
  readonly orderId: string;
  readonly group: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly at: string;
}

/** Injects the directory of the ledger. */
export const LEDGER_DIRECTORY = Symbol('ledger-directory');

/** Most orders that are kept in memory for queries; the file has all of them. */
const MAX_ORDERS = 10_000;

/**
 * What the modules of the demonstration did, one JSON line each in `ledger.jsonl`: their database, and the evidence
 * that a kill at any instant loses no order.
 */
@Injectable()
export class LedgerService {
  readonly #file: string;
  readonly #byOrder = new Map<string, LedgerEntry[]>();

  constructor(@Inject(LEDGER_DIRECTORY) directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#file = join(directory, 'ledger.jsonl');
    if (existsSync(this.#file)) this.#load();
  }

  /** Written before it returns, so that every handler that has returned has its line in the file. */
  record(orderId: string, { group, messageId, attempt }: MessageContext): void {
    const entry = { orderId, group, messageId, attempt, at: new Date().toISOString() };
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    this.#remember(entry);
  }

  entriesOf(orderId: string): readonly LedgerEntry[] {
    return this.#byOrder.get(orderId) ?? [];
  }

  #load(): void {
    const text = readFileSync(this.#file, 'utf8');
    // A killed process may have left half a line, to which the next line must not be appended.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(this.#file, '\n');
    for (const line of text.split('\n').slice(-MAX_ORDERS)) {
      try {
        this.#remember(JSON.parse(line) as LedgerEntry);
      } catch {
        continue; // the half line, or the empty line at the end
      }
    }
  }

  #remember(entry: LedgerEntry): void {
    const entries = this.#byOrder.get(entry.orderId);
    if (entries) {
      entries.push(entry);
      return;
    }
    const [oldest] = this.#byOrder.keys();
    if (this.#byOrder.size >= MAX_ORDERS && oldest !== undefined) this.#byOrder.delete(oldest);
    this.#byOrder.set(entry.orderId, [entry]);
  }
}
