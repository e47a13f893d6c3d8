import { systemClock } from '../../../core/messaging/ports/clock.js';
import { groupDeadLetters, storeFullError } from '../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetter,
  DeadLetterCeiling,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterCount,
  DeadLetterStore,
  DeadLetterSummary,
  DeadLetterUsage,
  NewDeadLetter,
} from '../../../core/messaging/ports/dead-letter-store.js';
import { MessagingError } from '../../../core/messaging/ports/errors.js';
import type { Clock, TransportProblem } from '../../../core/messaging/ports/transport.js';
import {
  conditionsOf,
  fieldsOf,
  indexText,
  readDeadLetter,
  readSummary,
  type RawSummary,
} from './stores/dead-letter-hash.js';
import { groupOf, mergeGroups, type RawSum, countsOf } from './stores/dead-letter-groups.js';
import type { RedisServerOptions } from './redis.options.js';
import { RedisStore, type RedisStoreContext } from './stores/redis-store.js';
import {
  ADD_DEAD_LETTER,
  CHANGE_DEAD_LETTER,
  COUNT_DEAD_LETTERS,
  DISCARD_DEAD_LETTER,
  FIND_DEAD_LETTER,
  MEASURE_DEAD_LETTERS,
  RECOUNT_DEAD_LETTERS,
  SUM_UP_DEAD_LETTERS,
  WALK_DEAD_LETTERS,
} from './scripts/index.js';

/** Dead letters that one script examines: a few milliseconds. */
const SCAN_LIMIT = 2_000;
/** Dead letters in the reply of one script. */
const SUMMARIES_BATCH_SIZE = 500;
const SUMS_BATCH_SIZE = 200;
/** Dead letters whose sizes one script reads: a few milliseconds. */
const RECOUNT_BATCH_SIZE = 1_000;
/** Bytes are counted again after this, because another client may have changed dead letters without their count. */
const RECOUNT_EVERY_MS = 3_600_000;

/** Keeps dead letters in Redis, for all instances of an application. */
export class RedisDeadLetterStore implements DeadLetterStore {
  readonly #store: RedisStore;
  readonly #all: string;
  readonly #clock: Clock;
  #recounting: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(
    options: RedisServerOptions,
    { clock = systemClock, onEvent }: Partial<RedisStoreContext> = {},
  ) {
    this.#store = new RedisStore('dead letters', options, { clock, onEvent });
    this.#all = `${options.keyPrefix}{dead-letters}:all`;
    this.#clock = clock;
  }

  connect(): Promise<void> {
    return this.#store.connect();
  }

  async add(deadLetter: NewDeadLetter, ceiling: DeadLetterCeiling = {}): Promise<string> {
    const { body } = deadLetter;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const most = [ceiling.maxCount ?? '', ceiling.maxBytes ?? ''];
    const args = [deadLetter.id, this.#clock.now(), bytes, ...most, ...fieldsOf(deadLetter)];
    const [id, count, used] = (await this.#store.run(ADD_DEAD_LETTER, this.#all, args)) as [
      string,
      number,
      number,
    ];
    if (id === '') throw storeFullError({ count, bytes: used });
    return id;
  }

  problems(): readonly TransportProblem[] {
    return this.#store.problems();
  }

  /** @throws MessagingError `CONFLICT` when it is of a newer version. */
  async find(id: string): Promise<DeadLetter | undefined> {
    const reply = (await this.#store.runBuffer(FIND_DEAD_LETTER, this.#all, [id])) as
      [format: number] | [fields: Buffer[], body: Buffer | null];
    if (typeof reply[0] === 'number') throw this.#newer(id, reply[0]);
    const [fields, body] = reply;
    return !body || fields.length === 0 ? undefined : readDeadLetter(id, fields, body);
  }

  #newer(id: string, format: number): MessagingError {
    this.#store.newer('dead letters', format);
    return new MessagingError(
      'CONFLICT',
      `Dead letter ${id} has format ${format}, of a newer version of Switchyard. Use a process of that version.`,
    );
  }

  async list(
    filter: DeadLetterFilter,
    { limit, after = '', order = 'newest-first' }: Parameters<DeadLetterStore['list']>[1],
  ): Promise<DeadLetterPage> {
    const items: DeadLetterSummary[] = [];
    const walk = { newestFirst: order === 'newest-first', after, most: limit + 1 };
    for await (const deadLetter of this.#walk(filter, walk)) {
      const last = items.at(-1);
      if (last && items.length === limit) return { items, next: last.id };
      items.push(deadLetter);
    }
    return { items };
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    const { driver, rest, isExact } = await this.#plan(filter);
    if (isExact) return driver.count;
    let count = 0;
    let after = '';
    do {
      const [last, met] = await this.#scan([driver.index, driver.value, after, 1, 0, SCAN_LIMIT, ...rest]);
      count += met;
      after = last;
    } while (after !== '');
    return count;
  }

  async groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    const { status, ...others } = filter;
    if (Object.keys(others).length > 0) {
      const deadLetters: DeadLetterSummary[] = [];
      for await (const deadLetter of this.#walk(filter, {
        newestFirst: true,
        after: '',
        most: SUMMARIES_BATCH_SIZE,
      }))
        deadLetters.push(deadLetter);
      return groupDeadLetters(deadLetters, limit);
    }
    const sums = mergeGroups(await this.#sums('groups', { parts: 2, start: status ?? '' })).slice(0, limit);
    const newest = await Promise.all(sums.map(({ sampleIds }) => this.#findFirst(sampleIds)));
    return sums.flatMap((sum, index) => groupOf(sum, newest[index]) ?? []);
  }

  /** The first that is there: another client may have removed one, and the others of its group are still to be seen. */
  async #findFirst(ids: readonly string[]): Promise<DeadLetter | undefined> {
    for (const id of ids) {
      const found = await this.find(id).catch(undefinedIfNewer);
      if (found) return found;
    }
    return undefined;
  }

  async transition(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary | undefined> {
    const args = [id, this.#clock.now(), to, ...from];
    const changed = (await this.#store.run(CHANGE_DEAD_LETTER, this.#all, args)) as
      RawSummary | number | null;
    if (typeof changed === 'number') throw this.#newer(id, changed);
    return changed === null ? undefined : readSummary(changed);
  }

  async discard(id: string, revision?: number): Promise<boolean> {
    const args = revision === undefined ? [id] : [id, revision];
    const discarded = await this.#store.run(DISCARD_DEAD_LETTER, this.#all, args);
    if (Array.isArray(discarded)) throw this.#newer(id, Number(discarded[0]));
    return discarded === 1;
  }

  async stats(): Promise<readonly DeadLetterCount[]> {
    return (await this.#sums('stock', { parts: 3, start: '' })).map(countsOf);
  }

  async usage(): Promise<DeadLetterUsage> {
    const { isExact, countedAt, ...usage } = await this.#measure();
    if (isExact && Math.abs(this.#clock.now() - countedAt) < RECOUNT_EVERY_MS) return usage;
    this.#recounting ??= this.#recount().finally(() => {
      this.#recounting = undefined;
    });
    await this.#recounting;
    const { count, bytes } = await this.#measure();
    return { count, bytes };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #measure(): Promise<DeadLetterUsage & { readonly isExact: boolean; readonly countedAt: number }> {
    const [count, bytes, exact, countedAt] = (await this.#store.run(MEASURE_DEAD_LETTERS, this.#all, [])) as [
      number,
      number,
      number,
      number,
    ];
    return { count, bytes, isExact: exact === 1, countedAt };
  }

  /** Joins the one that another process has begun. */
  async #recount(): Promise<void> {
    let begins = 1;
    let done: unknown = 0;
    while (done !== 1) {
      done = await this.#store.run(RECOUNT_DEAD_LETTERS, this.#all, [
        this.#clock.now(),
        RECOUNT_BATCH_SIZE,
        begins,
      ]);
      begins = 0;
    }
  }

  /** All dead letters that match, in order. */
  async *#walk(
    filter: DeadLetterFilter,
    {
      newestFirst,
      after,
      most,
    }: { readonly newestFirst: boolean; readonly after: string; readonly most: number },
  ): AsyncGenerator<DeadLetterSummary> {
    const { driver, rest } = await this.#plan(filter);
    let from = after;
    do {
      const args = [
        driver.index,
        driver.value,
        from,
        newestFirst ? 1 : 0,
        Math.min(most, SUMMARIES_BATCH_SIZE),
        SCAN_LIMIT,
        ...rest,
      ];
      const [last, , deadLetters] = await this.#scan(args);
      for (const deadLetter of deadLetters) {
        const summary = readSummary(deadLetter);
        if (summary) yield summary;
      }
      from = last;
    } while (from !== '');
  }

  async #scan(
    args: readonly (string | number)[],
  ): Promise<[last: string, met: number, deadLetters: RawSummary[]]> {
    const reply = await this.#store.run(WALK_DEAD_LETTERS, this.#all, args);
    const [last, met, deadLetters, newer] = reply as [string, number, RawSummary[], number];
    if (newer > 0) this.#store.newer('dead letters', newer);
    return [last, met, deadLetters];
  }

  /** The index with the fewest dead letters to examine, and the conditions that are left. */
  async #plan(filter: DeadLetterFilter): Promise<{
    readonly driver: { readonly index: string; readonly value: string; readonly count: number };
    readonly rest: readonly (string | number)[];
    readonly isExact: boolean;
  }> {
    const { indexed, others } = conditionsOf(filter);
    const pairs = indexed.flatMap(({ field, value }) => [field, indexText(value)]);
    const counts = (await this.#store.run(COUNT_DEAD_LETTERS, this.#all, pairs)) as number[];
    const smallest = counts.indexOf(Math.min(...counts));
    const chosen = indexed[smallest];
    const driver = {
      index: chosen?.field ?? '',
      value: chosen ? indexText(chosen.value) : '',
      count: counts[smallest] ?? 0,
    };
    const unchecked = indexed.filter((one) => one !== chosen);
    const rest = [
      ...unchecked.flatMap(({ field, value }) => [field, '=', indexText(value)]),
      ...others.flat(),
    ];
    return { driver, rest, isExact: rest.length === 0 };
  }

  async #sums(
    set: 'stock' | 'groups',
    { parts, start }: { readonly parts: number; readonly start: string },
  ): Promise<RawSum[]> {
    const sums: RawSum[] = [];
    let some: RawSum[];
    do {
      const after = sums.at(-1)?.[0] ?? '';
      some = (await this.#store.run(SUM_UP_DEAD_LETTERS, this.#all, [
        set,
        parts,
        start,
        after,
        SUMS_BATCH_SIZE,
      ])) as RawSum[];
      sums.push(...some);
    } while (some.length === SUMS_BATCH_SIZE);
    return sums;
  }
}

function undefinedIfNewer(error: unknown): undefined {
  if (!(error instanceof MessagingError) || error.code !== 'CONFLICT') throw error;
}
