import type { Entry } from './group-queue.js';

/** Of a group: it consumes now, and gets a copy of what comes from then on. */
interface Join {
  readonly op: 'join';
  readonly topic: string;
  readonly group: string;
}

export interface Message {
  readonly op: 'message';
  readonly number: number;
  readonly topic: string;
  /** Without: every group that has joined, or if there is none, the first that joins. */
  readonly group?: string;
  readonly id: string;
  readonly key?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly publishedAt: number;
  /** Time of day at which the delay began. */
  readonly at: number;
  readonly delayMs: number;
}

/** A delivery begins. Without a settlement after it, its process has died. */
export interface Start {
  readonly op: 'start';
  readonly topic: string;
  readonly group: string;
  readonly number: number;
}

export interface Settled {
  readonly op: 'settled';
  readonly topic: string;
  readonly group: string;
  readonly number: number;
  /** A retry, with what the entry is from now on. */
  readonly retry?: Pick<Message, 'attempt' | 'headers' | 'at' | 'delayMs'>;
}

export type Fields = Join | Message | Start | Settled;

/** An entry, with when its delay began. */
export interface Loaded {
  readonly entry: Entry;
  readonly at: number;
  readonly delayMs: number;
}

export interface Live extends Loaded {
  readonly topic: string;
  readonly group: string;
}

/** What a journal leaves unsettled, in the order in which it is to be delivered. */
export class LiveEntries {
  readonly #live = new Map<string, Live>();
  readonly #started = new Set<string>();

  put(one: Live): void {
    const name = nameOf({ ...one, number: one.entry.number });
    this.#live.delete(name); // what is retried comes last
    this.#live.set(name, one);
  }

  start(fields: Start): void {
    this.#started.add(nameOf(fields));
  }

  settle({ retry, ...fields }: Settled): void {
    const name = nameOf(fields);
    const one = this.#live.get(name);
    this.#started.delete(name);
    if (retry === undefined) this.#live.delete(name);
    else if (one) {
      const { at, delayMs, attempt, headers } = retry;
      this.put({ ...one, entry: { ...one.entry, attempt, headers }, at, delayMs });
    }
  }

  /** At the end: what was started and not settled has lost its process, which counts as an attempt. */
  all(): readonly Live[] {
    for (const name of this.#started) {
      const one = this.#live.get(name);
      if (one) one.entry.attempt += 1;
    }
    this.#started.clear();
    return [...this.#live.values()];
  }
}

function nameOf({ topic, group, number }: Pick<Start, 'topic' | 'group' | 'number'>): string {
  return JSON.stringify([topic, group, number]);
}
