import { FileDamage } from './file-damage.js';

/**
 * The header of a file of lmdb, format 2, with 64-bit page numbers, least significant byte first: a meta page at the
 * first and the second page, written in turns, and at half a page what the disk had confirmed last. After the header of
 * the page (24 bytes): magic (4) version (4) address (8) map size (8) two trees (48 each) last page (8) transaction (8).
 *
 * lmdb trusts most of this, and ends the process when it is wrong.
 */
const MAGIC = 0xbeef_c0de;
const VERSION = 2;
const PAGE_HEAD_BYTES = 24;
const META_BYTES = 144;
const META_FLAG = 0x08;
const FREE_AT = PAGE_HEAD_BYTES + 24;
export const TREE_BYTES = 48;
const MAIN_AT = FREE_AT + TREE_BYTES;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Integer keys in the tree of free pages, one file instead of a directory. */
const FLAGS = 0x4008;
/** Of lmdb-js: commits overlap their flushes. */
const OVERLAPPING = 0x1000;
const MAX_DEPTH = 32;
const [SMALLEST_PAGE, LARGEST_PAGE] = [512, 65_536];
/** Enough of the file for both meta pages of every page size. */
export const HEADER_BYTES = 2 * LARGEST_PAGE;

/** The root of a tree and what it should hold. */
export interface Tree {
  /** Nothing for an empty tree. */
  readonly root: number | undefined;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
}

export interface FileHeader {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly free: Tree;
  readonly main: Tree;
}

/**
 * The header that lmdb would use.
 *
 * @param bytes the first {@link HEADER_BYTES} of the file, or all of it.
 * @throws FileDamage
 */
export function readHeader(bytes: Buffer, fileBytes: number): FileHeader {
  const pageSize = pageSizeOf(bytes);
  const metas = [0, 1].map((page) => metaAt(bytes, { at: page * pageSize, page, pageSize, fileBytes }));
  const [first, second] = metas as [FileHeader, FileHeader];
  const apart = Math.abs(first.transaction - second.transaction);
  if (apart !== 1 && !isInitial(first) && !isInitial(second))
    throw new FileDamage(
      `its transactions ${first.transaction} and ${second.transaction} do not follow each other`,
    );
  const newest = first.transaction >= second.transaction ? first : second;
  assertConfirmed(bytes, { pageSize, fileBytes, newest });
  return newest;
}

const NO_TREE: Tree = {
  root: undefined,
  depth: 0,
  branchPages: 0,
  leafPages: 0,
  overflowPages: 0,
  entries: 0,
};

/**
 * The newest of the headers that are whole: the one before when the newest is damaged. Without any, one without trees, for
 * the size that pages have by their numbers.
 */
export function salvageHeader(bytes: Buffer, fileBytes: number): FileHeader {
  for (let pageSize = SMALLEST_PAGE; pageSize <= LARGEST_PAGE; pageSize *= 2) {
    const whole = [0, 1].flatMap((page) => {
      try {
        return [metaAt(bytes, { at: page * pageSize, page, pageSize, fileBytes })];
      } catch {
        return [];
      }
    });
    const [newest] = whole.sort((one, other) => other.transaction - one.transaction);
    if (newest) return newest;
  }
  const pageSize = pageSizeByNumbers(bytes);
  const lastPage = Math.max(Math.floor(fileBytes / pageSize) - 1, 1);
  return { pageSize, lastPage, transaction: 0, free: NO_TREE, main: NO_TREE };
}

/** Every page begins with its number. */
function pageSizeByNumbers(bytes: Buffer): number {
  let best = { pageSize: 4_096, matches: 0 };
  for (let pageSize = SMALLEST_PAGE; pageSize <= LARGEST_PAGE; pageSize *= 2) {
    let matches = 0;
    for (let page = 2; page < 8 && (page + 1) * pageSize <= bytes.length; page += 1)
      if (bytes.readBigUInt64LE(page * pageSize) === BigInt(page)) matches += 1;
    if (matches > best.matches) best = { pageSize, matches };
  }
  return best.pageSize;
}

/** As lmdb begins a file. A compact copy has one such meta page, and any transaction on the other. */
function isInitial({ transaction, main }: FileHeader): boolean {
  return transaction === 0 && main.root === undefined;
}

function pageSizeOf(bytes: Buffer): number {
  if (bytes.length < PAGE_HEAD_BYTES + META_BYTES) throw new FileDamage(`it has ${bytes.length} bytes only`);
  const pageSize = bytes.readUInt32LE(FREE_AT);
  const isPower = (pageSize & (pageSize - 1)) === 0;
  if (!isPower || pageSize < SMALLEST_PAGE || pageSize > LARGEST_PAGE)
    throw new FileDamage(`its page size is ${pageSize}`);
  return pageSize;
}

interface MetaPlace {
  readonly at: number;
  readonly page: number;
  readonly pageSize: number;
  readonly fileBytes: number;
}

function metaAt(bytes: Buffer, { at, page, pageSize, fileBytes }: MetaPlace): FileHeader {
  const expect = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) throw new FileDamage(`${what} of its meta page ${page} is ${String(found)}`);
  };
  if (at + PAGE_HEAD_BYTES + META_BYTES > bytes.length)
    throw new FileDamage(`it has ${fileBytes} bytes only, less than its meta pages`);
  const meta = bytes.subarray(at, at + PAGE_HEAD_BYTES + META_BYTES);
  expect('the number', meta.readBigUInt64LE(0), BigInt(page));
  expect('the kind', meta.readUInt16LE(18), META_FLAG);
  expect('the magic number', meta.readUInt32LE(24), MAGIC);
  expect('the version', meta.readUInt32LE(28), VERSION);
  expect('the address', meta.readBigUInt64LE(32), 0n);
  return fieldsOf(meta, { page: `meta page ${page}`, pageSize, fileBytes });
}

function fieldsOf(
  meta: Buffer,
  { page, pageSize, fileBytes }: { page: string; pageSize: number; fileBytes: number },
): FileHeader {
  const [lastPage, transaction, mapBytes] = [numberAt(meta, 144), numberAt(meta, 152), numberAt(meta, 40)];
  const [free, main] = [treeAt(meta, FREE_AT), treeAt(meta, MAIN_AT)];
  // The file may be shorter when its last pages are free, but it never grows beyond the map.
  const isLastInside = lastPage >= 1 && (lastPage + 1) * pageSize <= Math.max(mapBytes, fileBytes);
  const wrong = [
    ['the page size', meta.readUInt32LE(FREE_AT) === pageSize],
    ['the flags', (meta.readUInt16LE(FREE_AT + 4) & ~OVERLAPPING) === FLAGS],
    ['the flags of the main tree', meta.readUInt16LE(MAIN_AT + 4) === 0],
    ['the last page', isLastInside],
    ['the tree of free pages', isTreeInside(free, lastPage)],
    ['the main tree', isTreeInside(main, lastPage)],
  ].find(([, isRight]) => isRight === false);
  if (wrong) throw new FileDamage(`${String(wrong[0])} of its ${page} cannot be right`);
  for (const { root = 0 } of [free, main])
    if ((root + 1) * pageSize > fileBytes)
      throw new FileDamage(`it has ${fileBytes} bytes only, and page ${root} is missing`);
  return { pageSize, lastPage, transaction, free, main };
}

function isTreeInside({ root, depth }: Tree, lastPage: number): boolean {
  if (root === undefined) return depth === 0;
  return depth > 0 && depth <= MAX_DEPTH && root >= 2 && root <= lastPage;
}

/** lmdb goes back to what the disk had confirmed after a restart of the machine. */
function assertConfirmed(
  bytes: Buffer,
  { pageSize, fileBytes, newest }: { pageSize: number; fileBytes: number; newest: FileHeader },
): void {
  const at = pageSize / 2;
  const confirmed = bytes.subarray(at, at + PAGE_HEAD_BYTES + META_BYTES);
  if (confirmed.every((byte) => byte === 0)) return;
  const { transaction } = fieldsOf(confirmed, { page: 'confirmed meta', pageSize, fileBytes });
  if (transaction > newest.transaction || newest.transaction - transaction > 1)
    throw new FileDamage(`its confirmed transaction ${transaction} does not fit ${newest.transaction}`);
}

/** The tree that is described in the next {@link TREE_BYTES}: in a meta page, or of a named table. */
export function treeAt(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    depth: bytes.readUInt16LE(at + 6),
    branchPages: numberAt(bytes, at + 8),
    leafPages: numberAt(bytes, at + 16),
    overflowPages: numberAt(bytes, at + 24),
    entries: numberAt(bytes, at + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

function numberAt(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}
