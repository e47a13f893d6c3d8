import { loadClient } from '../../../../core/messaging/transport-kit/load-client.js';

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
  /** Writes the database as of now, without free pages, to a new file. Other processes may write meanwhile. */
  backup(path: string, compact: true): Promise<void>;
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
    readonly readOnly?: boolean;
  }): Environment;
}

/**
 * Loads lmdb, an optional peer dependency.
 *
 * @throws MessagingError `DEPENDENCY_MISSING` when it is not installed, `DEPENDENCY_UNUSABLE` when it is of another version or
 *   does not run here.
 */
export function loadLmdb(load: () => Promise<unknown> = () => import('lmdb')): Promise<LmdbModule> {
  return loadClient<LmdbModule>({
    usedBy: 'The embedded transport and stores need',
    name: 'lmdb',
    range: '^3.5.1',
    install: 'lmdb@3',
    load,
    isSupported: ({ open }: Partial<LmdbModule>) => open !== undefined,
    advice:
      `It has a part for each platform: install it where it runs (${process.platform} ${process.arch}, Node ${process.version}), ` +
      'with optional dependencies, and do not copy node_modules from another machine.',
  });
}
