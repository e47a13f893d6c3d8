import { MessagingError } from '../../../../core/messaging/ports/errors.js';

/** The part of an lmdb table that this folder uses. Keys and values are bytes throughout. */
export interface Table {
  put(key: Uint8Array, value: Uint8Array): unknown;
  remove(key: Uint8Array): unknown;
  getBinary(key: Uint8Array): Buffer | undefined;
  doesExist(key: Uint8Array): boolean;
  getKeys(range: KeyRange): Iterable<Buffer>;
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  getKeysCount(range: KeyRange): number;
  getStats(): TableStats;
}

/** `start` inclusive, `end` exclusive; with `reverse` the walk begins at `start`, inclusive, and goes down. */
export interface KeyRange {
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface TableStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
  readonly entryCount: number;
  readonly lastTxnId: number;
  readonly lastPageNumber: number;
}

/** An opened environment. */
export interface Environment extends Table {
  openDB(options: { name: string; encoding: 'binary'; keyEncoding: 'binary' }): Table;
  batch(action: () => void): Promise<unknown>;
  close(): Promise<void>;
}

interface LmdbModule {
  open(options: {
    readonly path: string;
    readonly noSubdir: true;
    readonly mapSize: number;
    readonly maxDbs: number;
    readonly permissionsMode: number;
    readonly encoding: 'binary';
    readonly keyEncoding: 'binary';
    readonly eventTurnBatching: false;
  }): Environment;
}

/** Loads lmdb, an optional peer dependency. Throws `DEPENDENCY_MISSING` when it is not installed. */
export async function loadLmdb(load: () => Promise<unknown> = () => import('lmdb')): Promise<LmdbModule> {
  try {
    return (await load()) as LmdbModule;
  } catch (error) {
    throw new MessagingError(
      'DEPENDENCY_MISSING',
      'The embedded transport and stores need the package "lmdb", which cannot be loaded. Install it: npm install lmdb@3',
      { cause: error },
    );
  }
}
