import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CONTROL_LIMITS, type ControlStore } from '../ports/control-store.js';
import { MessagingError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { withDeadline } from '../transport-kit/deadline.js';
import { hasEnded, type ItemResult } from './operation.js';
import { type OperationRecord, recordSchema } from './operation-record.js';

/** Keys: `operations/<id>` for what is followed, and the rest beside it. */
export const OPERATIONS = 'operations/';
const FROZEN = 'operation-letters/';
const RESULTS = 'operation-results/';
const REQUESTS = 'operation-requests/';

/** How long an operation can be read. Every change of it begins the time again. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** As long as a client may repeat a request. */
const REQUEST_KEPT_MS = 24 * 3_600_000;
/** Operations that are kept; older ones that have ended make room. One page of the store. */
const MAX_KEPT = 400;
/** Longer than the deadline that a store keeps itself, so that its own error is the one that is seen. */
const DEADLINE_MS = 15_000;
const MAX_CONFLICTS = 20;

/** A letter of a frozen selection. Two of one lane are never worked on together, so that messages of a key keep their order. */
export interface FrozenLetter {
  readonly id: string;
  /** When it was dead-lettered, in milliseconds since 1970. One that fails again has another time. */
  readonly at: number;
  readonly lane: number;
}

/** What became of the letters of one part, in their order; absent for those whose turn has not come. */
export interface PartResults {
  readonly outcomes: readonly (
    { readonly result: ItemResult; readonly code?: string | undefined } | undefined
  )[];
  /** For the next write. 0 where nothing is stored. */
  readonly revision: number;
}

const resultsSchema = z.object({
  /** For each letter a place in `kinds`, from 1; 0 for one whose turn has not come. */
  letters: z.array(z.int()),
  kinds: z.array(z.object({ result: z.string(), code: z.string().optional() })),
});
const requestSchema = z.object({ id: z.string(), of: z.string() });

/** Operations in the control store, in which nothing has a meaning but to them. */
export class OperationStore {
  constructor(
    private readonly store: ControlStore,
    private readonly clock: Clock,
  ) {}

  get isLocal(): boolean {
    return this.store.isLocal === true;
  }

  async find(id: string): Promise<OperationRecord | undefined> {
    const entry = await this.#inTime(this.store.get(OPERATIONS + id));
    return entry && readRecord(entry.value);
  }

  /** Newest first. */
  async list(): Promise<readonly OperationRecord[]> {
    const page = { limit: CONTROL_LIMITS.page };
    const { entries } = await this.#inTime(this.store.list(OPERATIONS, page));
    return entries.flatMap(({ value }) => readRecord(value) ?? []).reverse();
  }

  /** Rejects with `CONFLICT` where there is one of this id. */
  async add(record: OperationRecord): Promise<void> {
    const written = await this.#put(OPERATIONS + record.id, JSON.stringify(record), 0);
    if (written === undefined) throw new MessagingError('CONFLICT', `There is an operation "${record.id}".`);
    await this.#makeRoom();
  }

  /**
   * Writes what `change` makes of the stored record, and again when another process was faster.
   *
   * @param change returns undefined to leave it as it is.
   * @returns the record as it is then; undefined when there is none.
   */
  async update(
    id: string,
    change: (record: OperationRecord) => OperationRecord | undefined,
  ): Promise<OperationRecord | undefined> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const entry = await this.#inTime(this.store.get(OPERATIONS + id));
      const record = entry && readRecord(entry.value);
      if (!entry || !record) return undefined;
      const next = change(record);
      if (next === undefined) return record;
      if ((await this.#put(entry.key, JSON.stringify(next), entry.revision)) !== undefined) return next;
    }
    throw new MessagingError('STORE_UNAVAILABLE', `Operation "${id}" is changed by others all the time.`);
  }

  /** @param place of its own for each process that freezes, so that one which is late changes nothing. */
  async freeze(place: string, part: number, letters: readonly FrozenLetter[]): Promise<void> {
    const text = letters.map(({ id, at, lane }) => `${lane} ${at} ${id}`).join('\n');
    await this.#put(partKey(FROZEN, place, part), text);
  }

  async letters(place: string, part: number): Promise<readonly FrozenLetter[]> {
    const entry = await this.#inTime(this.store.get(partKey(FROZEN, place, part)));
    if (!entry) throw new MessagingError('NOT_FOUND', `The letters of operation "${place}" are gone.`);
    return entry.value.split('\n').map((line) => {
      const [lane = '', at = ''] = line.split(' ', 2);
      return { lane: Number(lane), at: Number(at), id: line.slice(lane.length + at.length + 2) };
    });
  }

  async results(id: string, part: number): Promise<PartResults> {
    const entry = await this.#inTime(this.store.get(partKey(RESULTS, id, part)));
    if (!entry) return { outcomes: [], revision: 0 };
    const { letters, kinds } = resultsSchema.parse(JSON.parse(entry.value));
    const outcomes = letters.map((kind) => kinds[kind - 1] as PartResults['outcomes'][number]);
    return { outcomes, revision: entry.revision };
  }

  /** @returns the next revision; undefined when another process has written meanwhile. */
  async setResults(
    id: string,
    part: number,
    { outcomes, revision }: PartResults,
  ): Promise<number | undefined> {
    const kinds = new Map<string, number>();
    const letters = Array.from(outcomes, (outcome) => {
      if (!outcome) return 0;
      const text = JSON.stringify(outcome);
      if (!kinds.has(text)) kinds.set(text, kinds.size + 1);
      return kinds.get(text) as number;
    });
    const value = JSON.stringify({
      letters,
      kinds: [...kinds.keys()].map((text) => JSON.parse(text) as unknown),
    });
    return this.#put(partKey(RESULTS, id, part), value, revision);
  }

  /**
   * Notes that this request makes the operation `id`.
   *
   * @returns the operation that the same request has made before, if it has. Rejects with `OPTION_INVALID` when the key was
   * used for another request.
   */
  async claimRequest(key: string, request: string, id: string): Promise<string> {
    const of = createHash('sha256').update(request).digest('hex');
    const name = REQUESTS + createHash('sha256').update(key).digest('hex');
    const options = { ifRevision: 0, ttlMs: REQUEST_KEPT_MS };
    const written = await this.#inTime(this.store.put(name, JSON.stringify({ id, of }), options));
    if (written.kind === 'written') return id;
    const before = requestSchema.safeParse(JSON.parse(written.entry?.value ?? '{}')).data;
    if (before?.of === of) return before.id;
    throw new MessagingError(
      'OPTION_INVALID',
      'This Idempotency-Key was used for another request. Use a new one for each operation.',
    );
  }

  /** @returns the revision; undefined on a conflict. */
  async #put(key: string, value: string, ifRevision?: number): Promise<number | undefined> {
    const written = await this.#inTime(this.store.put(key, value, { ifRevision, ttlMs: KEPT_MS }));
    return written.kind === 'written' ? written.entry.revision : undefined;
  }

  async #makeRoom(): Promise<void> {
    const ended = (await this.list()).slice(MAX_KEPT).filter(hasEnded);
    for (const { id, frozen } of ended) {
      for (let part = 0; frozen && part < frozen.parts; part += 1) {
        await this.#inTime(this.store.delete(partKey(FROZEN, frozen.place, part)));
        await this.#inTime(this.store.delete(partKey(RESULTS, id, part)));
      }
      await this.#inTime(this.store.delete(OPERATIONS + id));
    }
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, DEADLINE_MS, lateError, this.clock);
  }
}

function partKey(prefix: string, place: string, part: number): string {
  return `${prefix}${place}/${String(part).padStart(6, '0')}`;
}

/** Undefined for what cannot be read: it was written by a later version, or by something else. */
function readRecord(value: string): OperationRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(value));
  } catch {
    return undefined;
  }
}

function lateError(): MessagingError {
  return new MessagingError(
    'STORE_UNAVAILABLE',
    `The control store did not answer within ${DEADLINE_MS} ms.`,
  );
}
