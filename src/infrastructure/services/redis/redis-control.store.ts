import { systemClock } from '../../../core/messaging/ports/clock.js';
import {
  assertControlKey,
  assertControlPage,
  assertControlPut,
  CONTROL_LIMITS,
  type ControlChanges,
  type ControlEntry,
  controlFullError,
  type ControlPage,
  type ControlPutOptions,
  type ControlStore,
  type ControlWrite,
} from '../../../core/messaging/ports/control-store.js';
import { MessagingError } from '../../../core/messaging/ports/errors.js';
import type { ProblemReporter, TransportProblem } from '../../../core/messaging/ports/transport.js';
import type { RedisServerOptions } from './redis.options.js';
import { CONTROL_CHANGES, CONTROL_GET, CONTROL_LIST, CONTROL_PUT, CONTROL_REMOVE } from './scripts/index.js';
import type { RedisScript } from './scripts/redis-script.js';
import type { Argument } from './scripts/script-call.js';
import { RedisStore, type RedisStoreContext } from './stores/redis-store.js';

/** An entry as the scripts reply it; empty where there is none. */
type RawEntry = readonly [] | readonly [key: string, value: string, revision: string, leftMs: string];

/** Behind every key that starts with the same text, because keys are ASCII. */
const LAST = '\x7f';

/** Keeps what operators set in Redis, for all instances of an application. Time goes by the clock of the server. */
export class RedisControlStore implements ControlStore, ProblemReporter {
  readonly #store: RedisStore;
  readonly #values: string;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(
    options: RedisServerOptions,
    { clock = systemClock, onEvent }: Partial<RedisStoreContext> = {},
  ) {
    this.#store = new RedisStore('control', options, { clock, onEvent });
    this.#values = `${options.keyPrefix}{control}:values`;
  }

  connect(): Promise<void> {
    return this.#store.connect();
  }

  problems(): readonly TransportProblem[] {
    return this.#store.problems();
  }

  async get(key: string): Promise<ControlEntry | undefined> {
    assertControlKey(key);
    const [entry, newer] = await this.#run<[RawEntry, number]>(CONTROL_GET, [key]);
    this.#note(newer);
    return entryOf(entry);
  }

  async put(key: string, value: string, options: ControlPutOptions = {}): Promise<ControlWrite> {
    assertControlPut(key, value, options);
    const { ifRevision = '', ttlMs = '' } = options;
    const [kind, raw, newer] = await this.#run<[string, RawEntry, number]>(CONTROL_PUT, [
      key,
      value,
      ifRevision,
      ttlMs,
      CONTROL_LIMITS.entries,
    ]);
    if (newer > 0) throw this.#leftAlone(key, newer);
    if (kind === 'full') throw controlFullError();
    const entry = entryOf(raw);
    return kind === 'written' && entry ? { kind, entry } : { kind: 'conflict', entry };
  }

  async delete(key: string, { ifRevision }: Pick<ControlPutOptions, 'ifRevision'> = {}): Promise<boolean> {
    assertControlKey(key);
    const [removed, newer] = await this.#run<[number, number]>(CONTROL_REMOVE, [key, ifRevision ?? '']);
    if (newer > 0) throw this.#leftAlone(key, newer);
    return removed === 1;
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): Promise<ControlPage> {
    assertControlPage(prefix, limit);
    const from = after !== undefined && after >= prefix ? `(${after}` : prefix === '' ? '-' : `[${prefix}`;
    const to = prefix === '' ? '+' : `(${prefix}${LAST}`;
    const [raw, last, newer] = await this.#run<[RawEntry[], string, number]>(CONTROL_LIST, [from, to, limit]);
    this.#note(newer);
    const entries = raw.flatMap((one) => entryOf(one) ?? []);
    return { entries, ...(last !== '' && { after: last }) };
  }

  async changes(prefix: string, since: number): Promise<ControlChanges> {
    const args = [prefix, since, CONTROL_LIMITS.page];
    const [isReset, last, raw, newer] = await this.#run<
      [number, string, (readonly [string, RawEntry])[], number]
    >(CONTROL_CHANGES, args);
    this.#note(newer);
    const revision = Number(last);
    if (isReset === 1) return { kind: 'reset', revision };
    const changes = raw.map(([key, one]) => {
      const entry = entryOf(one);
      return { key, ...(entry && { entry }) };
    });
    return { kind: 'changes', revision, changes };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #run<T>(script: RedisScript, args: readonly Argument[]): Promise<T> {
    return (await this.#store.run(script, this.#values, args)) as T;
  }

  #note(newer: number): void {
    if (newer > 0) this.#store.newer('control entries', newer);
  }

  #leftAlone(key: string, newer: number): MessagingError {
    this.#note(newer);
    const text = `"${key}" of the control store was written by a newer version (format ${newer}). Change it with that version.`;
    return new MessagingError('CONFLICT', text);
  }
}

function entryOf(raw: RawEntry): ControlEntry | undefined {
  if (raw.length === 0) return undefined;
  const [key, value, revision, leftMs] = raw;
  const left = Number(leftMs);
  return { key, value, revision: Number(revision), ...(left >= 0 && { expiresInMs: left }) };
}
