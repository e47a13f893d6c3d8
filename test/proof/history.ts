import { closeSync, fdatasync, openSync, readdirSync, readFileSync, write } from 'node:fs';
import { join } from 'node:path';

/**
 * One thing that happened, at `t` in milliseconds since 1970. The names are short because a run has millions of lines:
 * `i` is going to be published · `a` was accepted · `f` certainly failed · `u` may or may not have been taken · `d` was handed to a
 * handler · `h` was handled · `q` was parked · `n` a fault began or ended · `x` something that must never happen.
 */
export type HistoryEvent =
  | {
      readonly e: 'i';
      readonly t: number;
      readonly id: string;
      readonly topic: string;
      readonly lane?: string;
      readonly seq: number;
    }
  | { readonly e: 'a'; readonly t: number; readonly id: string; readonly level: string }
  | { readonly e: 'f' | 'u'; readonly t: number; readonly id: string; readonly code: string }
  | {
      readonly e: 'd';
      readonly t: number;
      readonly id: string;
      readonly group: string;
      /** Not what was published under this id. */
      readonly isForged?: true;
    }
  | { readonly e: 'h' | 'q'; readonly t: number; readonly id: string; readonly group: string }
  | { readonly e: 'n'; readonly t: number; readonly what: string; readonly isOn: boolean }
  | { readonly e: 'x'; readonly t: number; readonly what: string };

type WithoutTime<T> = T extends unknown ? Omit<T, 't'> : never;

/** What one process has seen: a file that only grows, and survives the process at any instant. */
export class History {
  readonly #file: number;
  #lines: string[] = [];
  #written: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(file: string) {
    this.#file = openSync(file, 'a');
  }

  /** Resolves when the line is on disk; lines that come meanwhile share the next write. */
  note(event: WithoutTime<HistoryEvent>): Promise<void> {
    this.#lines.push(JSON.stringify({ t: Date.now(), ...event }));
    this.#next ??= (this.#written ?? Promise.resolve()).then(() => this.#write());
    return this.#next;
  }

  /** Resolves when everything so far is on disk. */
  async end(): Promise<void> {
    await (this.#next ?? this.#written);
    closeSync(this.#file);
  }

  #write(): Promise<void> {
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    this.#next = undefined;
    const written = new Promise<void>((resolve, reject) => {
      write(this.#file, text, (error) => {
        if (error) reject(error);
        else fdatasync(this.#file, (late) => (late ? reject(late) : resolve()));
      });
    });
    this.#written = written;
    return written;
  }
}

/** Reads the histories in a directory while they grow, each line once. The torn last line of a killed process is not there yet. */
export class HistoryReader {
  readonly #read = new Map<string, number>();

  constructor(private readonly directory: string) {}

  /** Calls with every line that has come since the last time. */
  each(take: (line: string) => void): void {
    for (const name of readdirSync(this.directory).sort()) {
      if (!name.endsWith('.jsonl')) continue;
      const bytes = readFileSync(join(this.directory, name));
      const from = this.#read.get(name) ?? 0;
      const end = bytes.lastIndexOf(0x0a) + 1;
      if (end <= from) continue;
      this.#read.set(name, end);
      for (const line of bytes.toString('utf8', from, end).split('\n')) if (line !== '') take(line);
    }
  }
}
