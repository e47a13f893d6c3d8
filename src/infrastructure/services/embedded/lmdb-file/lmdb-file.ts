import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FileDamage } from './file-damage.js';
import {
  type FileHeader,
  HEADER_BYTES,
  readHeader,
  salvageHeader,
  type Tree,
  TREE_BYTES,
  treeAt,
} from './file-header.js';
import { FREE_KEY_BYTES, freePages } from './free-pages.js';
import {
  OVERFLOW_HEAD_BYTES,
  looseNodes,
  overflowPages,
  readPage,
  type LeafNode,
  type Page,
} from './page.js';

/** A record of a table as it lies in the file. */
export interface FileRecord {
  readonly key: Buffer;
  /** Of the value, in bytes. */
  readonly length: number;
  /** What the first page of the value has of it. @throws FileDamage */
  readonly start: () => Buffer;
  /** @throws FileDamage */
  readonly value: () => Buffer;
}

/** What could be a value on pages of its own. */
export interface LooseValue {
  readonly transaction: number;
  /** What its first page has of it. */
  readonly first: Buffer;
  /** @throws FileDamage when the file is shorter. */
  readonly read: (length: number) => Buffer;
}

export interface FileTable {
  readonly name: string;
  readonly tree: Tree;
}

/** Called with what is wrong with the file. */
export type OnDamage = (what: string) => void;

const ANY: OnDamage = () => undefined;
/** The tree of which the records are trees. */
const TABLES = 'tables';

/**
 * Reads a file of lmdb without lmdb, which ends the process when a page is not as it was written.
 *
 * For a file that nothing writes to meanwhile.
 */
export class LmdbFile {
  readonly #fd: number;
  readonly fileBytes: number;
  readonly header: FileHeader;

  private constructor(fd: number, fileBytes: number, header: FileHeader) {
    this.#fd = fd;
    this.fileBytes = fileBytes;
    this.header = header;
  }

  /** @throws FileDamage when its header is not whole, and what node:fs throws. */
  static open(path: string): LmdbFile {
    return LmdbFile.#open(path, readHeader);
  }

  /** With whichever header is whole. Without any it has no tables, only {@link leftovers}. */
  static openDamaged(path: string): LmdbFile {
    return LmdbFile.#open(path, salvageHeader);
  }

  static #open(path: string, headerOf: (bytes: Buffer, fileBytes: number) => FileHeader): LmdbFile {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const bytes = readAt(fd, 0, Math.min(size, HEADER_BYTES));
      return new LmdbFile(fd, size, headerOf(bytes, size));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The named tables, by name. */
  tables(onDamage: OnDamage = ANY): FileTable[] {
    const tables: FileTable[] = [];
    for (const { key, value, isTree } of this.#leaves(this.header.main, onDamage)) {
      const tree =
        isTree && Buffer.isBuffer(value) && value.length === TREE_BYTES ? treeAt(value, 0) : undefined;
      // lmdb would look for keys in another order.
      if (tree && value instanceof Buffer && value.readUIntLE(0, 6) !== 0)
        onDamage(`table ${key.toString('latin1')} has flags`);
      if (tree) tables.push({ name: key.toString('latin1').replace(/\0$/, ''), tree });
      else onDamage(`the entry ${JSON.stringify(key.toString('latin1'))} of the tables cannot be read`);
    }
    return tables;
  }

  /** The records of a table in order. What cannot be read is left out and reported. */
  *records(tree: Tree, onDamage: OnDamage = ANY): Generator<FileRecord> {
    for (const node of this.#leaves(tree, onDamage))
      yield {
        key: node.key,
        length: Buffer.isBuffer(node.value) ? node.value.length : node.value.bytes,
        start: () => this.#startOf(node),
        value: () => this.#valueOf(node),
      };
  }

  /** The record of a key, without looking at the others. @throws FileDamage */
  find(tree: Tree, key: Buffer): Buffer | undefined {
    let page = tree.root;
    for (let depth = 0; page !== undefined; depth += 1) {
      if (depth > tree.depth) throw new FileDamage('its tree has a circle');
      const found = this.#page(page);
      if (found.kind === 'leaf') {
        const node = found.nodes.find((one) => one.key.equals(key));
        return node && this.#valueOf(node);
      }
      // The first of a branch has no key, and stands for all that are smaller.
      page = found.nodes.findLast((one, nth) => nth === 0 || Buffer.compare(one.key, key) <= 0)?.page;
    }
    return undefined;
  }

  /**
   * The records of all pages of the file, with the transaction of their page: also of pages that no tree leads to, because
   * they were freed, or because what led to them is damaged. Of damaged pages, whatever could be a record.
   */
  *leftovers(): Generator<Pick<FileRecord, 'key' | 'value'> & { readonly transaction: number }> {
    for (let page = 2; (page + 1) * this.header.pageSize <= this.fileBytes; page += 1) {
      const bytes = readAt(this.#fd, page * this.header.pageSize, this.header.pageSize);
      const transaction = Number(bytes.readBigUInt64LE(8));
      for (const node of nodesOn(bytes, page))
        yield { key: node.key, transaction, value: () => this.#valueOf(node) };
    }
  }

  /**
   * What lies behind the head of every page that is no page of a tree: values that are too large for one, of which the key
   * is elsewhere, and whatever else.
   */
  *values(): Generator<LooseValue> {
    const { pageSize } = this.header;
    for (let page = 2; (page + 1) * pageSize <= this.fileBytes; page += 1) {
      const bytes = readAt(this.#fd, page * pageSize, pageSize);
      if (isTreePage(bytes, page)) continue;
      const start = page * pageSize + OVERFLOW_HEAD_BYTES;
      yield {
        transaction: Number(bytes.readBigUInt64LE(8)),
        first: bytes.subarray(OVERFLOW_HEAD_BYTES),
        read: (length) => readAt(this.#fd, start, length),
      };
    }
  }

  /** Looks at every page that is in use: their kinds, the order of their keys, what belongs to two, what is missing. */
  verify(onDamage: OnDamage): void {
    const used = new Uint8Array(this.header.lastPage + 1);
    const use = (page: number, count = 1): void => {
      for (let one = page; one < page + count; one += 1) {
        if (used[one] === 1) throw new FileDamage(`page ${one} is used twice`);
        used[one] = 1;
      }
    };
    this.#verifyTree('free pages', this.header.free, { use, onDamage, compare: compareNumbers });
    this.#verifyTree(TABLES, this.header.main, { use, onDamage, compare: compareBytes });
    for (const { name, tree } of this.tables(onDamage))
      this.#verifyTree(`table ${name}`, tree, { use, onDamage, compare: compareBytes });
    this.#verifyFree(used, onDamage);
  }

  /** lmdb writes to the pages in these lists: a wrong one costs what lies there, or ends the process. */
  #verifyFree(used: Uint8Array, onDamage: OnDamage): void {
    for (const { key, value } of this.records(this.header.free)) {
      const walk = { onDamage, name: 'free pages' };
      tolerate(walk, () => {
        if (key.length !== FREE_KEY_BYTES) throw new FileDamage('a key has a wrong length');
        for (const page of freePages(value(), this.header.lastPage))
          if (used[page] === 1) throw new FileDamage(`page ${page} is in use`);
      });
    }
  }

  #verifyTree(name: string, tree: Tree, verification: Verification): void {
    const { onDamage } = verification;
    const walk = {
      ...verification,
      name,
      tree,
      counted: { ...NO_PAGES },
      previous: undefined,
      least: undefined,
    };
    tolerate(walk, () => {
      if (tree.root !== undefined) this.#verifyPage(tree.root, 1, walk);
    });
    for (const [what, count] of Object.entries(walk.counted))
      if (tree[what as keyof typeof NO_PAGES] !== count)
        onDamage(`${tree[what as keyof typeof NO_PAGES]} ${what} are noted and ${count} found, in ${name}`);
  }

  #verifyPage(page: number, depth: number, walk: Walk): void {
    walk.use(page);
    const found = this.#page(page);
    found.problems.forEach(walk.onDamage);
    if ((found.kind === 'leaf') !== (depth === walk.tree.depth))
      throw new FileDamage(`page ${page} lies at a wrong depth`);
    if (found.kind === 'leaf') {
      this.#verifyLeaf(page, found.nodes, walk);
      return;
    }
    walk.counted.branchPages += 1;
    for (const [nth, node] of found.nodes.entries()) {
      // The first of a branch has no key.
      if (nth > 0 && !isBehind(node.key, walk))
        walk.onDamage(`a key of page ${page} in ${walk.name} is not in order`);
      // What is smaller is looked for on the page before.
      if (nth > 0) walk.least = node.key;
      tolerate(walk, () => this.#verifyPage(node.page, depth + 1, walk));
    }
  }

  #verifyLeaf(page: number, nodes: readonly LeafNode[], walk: Walk): void {
    walk.counted.leafPages += 1;
    walk.counted.entries += nodes.length;
    for (const { key, value, isTree } of nodes) {
      // lmdb refuses to read one of the other kind, and what follows it is never reached.
      if (isTree !== (walk.name === TABLES))
        walk.onDamage(`a record of page ${page} in ${walk.name} has wrong flags`);
      if (walk.least !== undefined && walk.compare(key, walk.least) < 0)
        walk.onDamage(`page ${page} in ${walk.name} begins with a key that belongs before it`);
      walk.least = undefined;
      if (!isBehind(key, walk)) walk.onDamage(`a key of page ${page} in ${walk.name} is not in order`);
      walk.previous = key;
      if (!Buffer.isBuffer(value))
        tolerate(walk, () => (walk.counted.overflowPages += this.#verifyValue(value, walk.use)));
    }
  }

  #verifyValue(
    { page, bytes }: { readonly page: number; readonly bytes: number },
    use: (page: number, count: number) => void,
  ): number {
    const count = this.#overflowOf(page, bytes);
    use(page, count);
    return count;
  }

  *#leaves(tree: Tree, onDamage: OnDamage): Generator<LeafNode> {
    if (tree.root !== undefined) yield* this.#leavesBelow(tree.root, Math.max(tree.depth, 1), onDamage);
  }

  *#leavesBelow(page: number, depth: number, onDamage: OnDamage): Generator<LeafNode> {
    let found: Page;
    try {
      if (depth <= 0) throw new FileDamage(`page ${page} lies at a wrong depth`);
      found = this.#page(page);
    } catch (error) {
      if (!(error instanceof FileDamage)) throw error;
      onDamage(error.message);
      return;
    }
    found.problems.forEach(onDamage);
    if (found.kind === 'leaf') yield* found.nodes;
    else for (const node of found.nodes) yield* this.#leavesBelow(node.page, depth - 1, onDamage);
  }

  #valueOf({ value }: LeafNode): Buffer {
    if (Buffer.isBuffer(value)) return value;
    const { page, bytes } = value;
    this.#overflowOf(page, bytes);
    return readAt(this.#fd, page * this.header.pageSize + OVERFLOW_HEAD_BYTES, bytes);
  }

  #startOf({ value }: LeafNode): Buffer {
    if (Buffer.isBuffer(value)) return value;
    const { page, bytes } = value;
    const { pageSize } = this.header;
    const length = Math.min(bytes, pageSize - OVERFLOW_HEAD_BYTES);
    return readAt(this.#fd, page * pageSize + OVERFLOW_HEAD_BYTES, length);
  }

  #overflowOf(page: number, bytes: number): number {
    const { pageSize, lastPage } = this.header;
    const count = Math.ceil((OVERFLOW_HEAD_BYTES + bytes) / pageSize);
    if (page < 2 || page + count - 1 > lastPage || (page + count) * pageSize > this.fileBytes)
      throw new FileDamage(`a value on page ${page} lies outside of the file`);
    const head = readAt(this.#fd, page * pageSize, OVERFLOW_HEAD_BYTES);
    this.#assertWritten(head, page);
    const found = overflowPages(head, page);
    if (found !== count) throw new FileDamage(`page ${page} does not begin a value of ${count} pages`);
    return count;
  }

  /** lmdb takes a page of a transaction to come for one that it may write to, where it cannot. */
  #assertWritten(head: Buffer, page: number): void {
    if (Number(head.readBigUInt64LE(8)) > this.header.transaction)
      throw new FileDamage(`page ${page} is of a transaction that has not been`);
  }

  #page(page: number): Page {
    const { pageSize, lastPage } = this.header;
    if (page < 2 || page > lastPage || (page + 1) * pageSize > this.fileBytes)
      throw new FileDamage(`page ${page} lies outside of the file`);
    const bytes = readAt(this.#fd, page * pageSize, pageSize);
    this.#assertWritten(bytes, page);
    return readPage(bytes, page);
  }
}

interface Verification {
  readonly use: (page: number, count?: number) => void;
  readonly onDamage: OnDamage;
  readonly compare: (one: Buffer, other: Buffer) => number;
}

const NO_PAGES = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };

/** The verification of one tree, as far as it has come. */
interface Walk extends Verification {
  readonly name: string;
  readonly tree: Tree;
  readonly counted: typeof NO_PAGES;
  previous: Buffer | undefined;
  /** What the next key may be at least. */
  least: Buffer | undefined;
}

function isBehind(key: Buffer, { previous, compare }: Walk): boolean {
  return previous === undefined || compare(previous, key) < 0;
}

function tolerate({ onDamage, name }: Pick<Walk, 'onDamage' | 'name'>, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    onDamage(`${error.message}, in ${name}`);
  }
}

function isTreePage(bytes: Buffer, page: number): boolean {
  try {
    readPage(bytes, page);
    return true;
  } catch {
    return false;
  }
}

function nodesOn(bytes: Buffer, page: number): Iterable<LeafNode> {
  try {
    const found = readPage(bytes, page);
    if (found.kind === 'leaf' && found.problems.length === 0) return found.nodes;
    if (found.kind === 'branch') return [];
  } catch {
    // no page of a tree, or a damaged one
  }
  return looseNodes(bytes);
}

function compareBytes(one: Buffer, other: Buffer): number {
  return Buffer.compare(one, other);
}

/** Keys of free pages are numbers, least significant byte first. */
function compareNumbers(one: Buffer, other: Buffer): number {
  const [left, right] = [one, other].map((key) => (key.length === 8 ? key.readBigUInt64LE() : 0n));
  return (left as bigint) < (right as bigint) ? -1 : left === right ? 0 : 1;
}

function readAt(fd: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let at = 0; at < bytes;) {
    const got = readSync(fd, buffer, at, bytes - at, position + at);
    if (got === 0) throw new FileDamage(`it ends before byte ${position + bytes}`);
    at += got;
  }
  return buffer;
}
