import { MessagingError } from './errors.js';

/** One stored value. */
export interface ControlEntry {
  readonly key: string;
  readonly value: string;
  /** Raised by every change in the store, and never given twice, also after data of the store was lost. */
  readonly revision: number;
  /** Milliseconds until the store removes it by itself; absent for one that stays. */
  readonly expiresInMs?: number;
}

export interface ControlPutOptions {
  /** Writes only over the entry of this revision; `0` only where there is none. Without it, over everything. */
  readonly ifRevision?: number | undefined;
  /** Removes the entry after so many milliseconds. Without it, the entry stays. */
  readonly ttlMs?: number | undefined;
}

/** What a write with `ifRevision` came to. `conflict` has the entry that is there instead, if there is one. */
export type ControlWrite =
  | { readonly kind: 'written'; readonly entry: ControlEntry }
  | { readonly kind: 'conflict'; readonly entry: ControlEntry | undefined };

export interface ControlPage {
  readonly entries: readonly ControlEntry[];
  /** Last key that was read, when there may be more behind it. */
  readonly after?: string;
}

/** A key whose entry has changed; without `entry` it was removed, or has expired. */
export interface ControlChange {
  readonly key: string;
  readonly entry?: ControlEntry;
}

/** `reset`: the store no longer knows all changes since then. Everything has to be listed again. */
export type ControlChanges =
  | { readonly kind: 'changes'; readonly revision: number; readonly changes: readonly ControlChange[] }
  | { readonly kind: 'reset'; readonly revision: number };

/**
 * Small values that operators change while the application runs, such as the pause of a subscription.
 *
 * Every method rejects with `STORE_UNAVAILABLE` when it cannot answer; whether a write has happened then is not known, and
 * reading it shows it. The time to live goes by the clock of the store, so that no clock of a process ends it early or late.
 */
export interface ControlStore {
  /** Only this process sees what is in it. @default false */
  readonly isLocal?: boolean;
  connect(): Promise<void>;
  get(key: string): Promise<ControlEntry | undefined>;
  /** Rejects with `OPTION_INVALID` for a key or a value beyond the limits, and with `STORE_FULL` when there is no room. */
  put(key: string, value: string, options?: ControlPutOptions): Promise<ControlWrite>;
  /** Resolves with false when there is no entry, or with `ifRevision` one of another revision. */
  delete(key: string, options?: Pick<ControlPutOptions, 'ifRevision'>): Promise<boolean>;
  /** Entries whose keys start with `prefix`, in the order of the keys. @param limit 1 to 500 */
  list(prefix: string, page: { readonly after?: string; readonly limit: number }): Promise<ControlPage>;
  /** What has changed after this revision, oldest first, and the revision to ask with the next time. */
  changes(prefix: string, since: number): Promise<ControlChanges>;
  close(): Promise<void>;
}

/** Limits that every store keeps. */
export const CONTROL_LIMITS = {
  keyBytes: 512,
  valueBytes: 64 * 1024,
  entries: 100_000,
  /** Most entries of one page, and of one answer of `changes`. */
  page: 500,
  /** Removed keys that are remembered for `changes`. */
  removed: 256,
  ttlMs: 366 * 24 * 3_600_000,
} as const;

/** ASCII without spaces, so that every store has the same order of keys. */
const KEY = /^[\x21-\x7e]+$/;

/** @throws MessagingError `OPTION_INVALID`. */
export function assertControlKey(key: string): void {
  if (typeof key === 'string' && key.length <= CONTROL_LIMITS.keyBytes && KEY.test(key)) return;
  throw invalid(
    `A key of the control store is not 1 to ${CONTROL_LIMITS.keyBytes} printable ASCII characters`,
  );
}

/** @throws MessagingError `OPTION_INVALID`. */
export function assertControlPut(key: string, value: string, { ttlMs, ifRevision }: ControlPutOptions): void {
  assertControlKey(key);
  const bytes = Buffer.byteLength(value);
  if (bytes > CONTROL_LIMITS.valueBytes)
    throw invalid(`The value of "${key}" has ${bytes} bytes, and ${CONTROL_LIMITS.valueBytes} are allowed`);
  if (ttlMs !== undefined && !isWhole(ttlMs, 1, CONTROL_LIMITS.ttlMs))
    throw invalid(`ttlMs of "${key}" is ${ttlMs}; use a whole number from 1 to ${CONTROL_LIMITS.ttlMs}`);
  if (ifRevision !== undefined && !isWhole(ifRevision, 0, Number.MAX_SAFE_INTEGER))
    throw invalid(`ifRevision of "${key}" is ${ifRevision}; use the revision of an entry, or 0`);
}

/** @throws MessagingError `OPTION_INVALID`. */
export function assertControlPage(prefix: string, limit: number): void {
  if (prefix !== '') assertControlKey(prefix);
  if (!isWhole(limit, 1, CONTROL_LIMITS.page))
    throw invalid(`limit is ${limit}; use a whole number from 1 to ${CONTROL_LIMITS.page}`);
}

export function controlFullError(): MessagingError {
  return new MessagingError(
    'STORE_FULL',
    `The control store has ${CONTROL_LIMITS.entries} entries, as many as it may. Entries that expire make room.`,
  );
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}

function invalid(problem: string): MessagingError {
  return new MessagingError('OPTION_INVALID', `${problem}.`);
}
