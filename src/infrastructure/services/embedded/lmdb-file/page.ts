import { FileDamage } from './file-damage.js';

/**
 * A page: number (8) transaction (8) pad (2) flags (2) end of the offsets (2) start of the nodes (2), then the offsets of
 * its nodes (2 each), counted from behind this head. A node: low (2) high (2) flags (2) length of the key (2) key data.
 */
const HEAD_BYTES = 24;
const NODE_BYTES = 8;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
/** The kind of a page; other flags belong to a transaction. */
const KIND = 0x6f;
const ON_OVERFLOW_PAGES = 0x01;
const IS_TREE = 0x02;
const REFERENCE_BYTES = 24;
/** lmdb takes no longer one. */
const MAX_KEY_BYTES = 1_978;

/** A node of a leaf. */
export interface LeafNode {
  readonly key: Buffer;
  /** The value, or the first of its own pages. */
  readonly value: Buffer | { readonly page: number; readonly bytes: number };
  readonly isTree: boolean;
}

/** A node of a branch: the pages below it hold `key` and what follows. */
interface BranchNode {
  readonly key: Buffer;
  readonly page: number;
}

export type Page =
  | { readonly kind: 'branch'; readonly nodes: readonly BranchNode[]; readonly problems: readonly string[] }
  | { readonly kind: 'leaf'; readonly nodes: readonly LeafNode[]; readonly problems: readonly string[] };

/**
 * The nodes of a page of a tree. Those that cannot be read are left out and named.
 *
 * @throws FileDamage when it is no page of a tree.
 */
export function readPage(bytes: Buffer, page: number): Page {
  const number = Number(bytes.readBigUInt64LE(0));
  if (number !== page) throw new FileDamage(`page ${page} has the number ${number}`);
  const kind = bytes.readUInt16LE(18) & KIND;
  if (kind !== BRANCH && kind !== LEAF) throw new FileDamage(`page ${page} is no page of a tree`);
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)];
  if (lower % 2 !== 0 || lower > upper || upper > bytes.length - HEAD_BYTES || lower === 0)
    throw new FileDamage(`page ${page} has no place for its nodes`);
  const problems: string[] = [];
  const read = <T>(nodeAt: (bytes: Buffer, at: number) => T | undefined): T[] => {
    const nodes: T[] = [];
    for (let nth = 0; nth < lower / 2; nth += 1) {
      const offset = bytes.readUInt16LE(HEAD_BYTES + 2 * nth);
      const node = offset < upper ? undefined : nodeAt(bytes, HEAD_BYTES + offset);
      if (node === undefined) problems.push(`node ${nth} of page ${page} cannot be read`);
      else nodes.push(node);
    }
    return nodes;
  };
  const found: Page =
    kind === BRANCH
      ? { kind: 'branch', nodes: read(branchNode), problems }
      : { kind: 'leaf', nodes: read(leafNode), problems };
  noteOverlaps(bytes, found, problems);
  return found;
}

function noteOverlaps(bytes: Buffer, page: Page, problems: string[]): void {
  if (problems.length === 0 && !isFilled(bytes, page))
    problems.push(`nodes of page ${bytes.readBigUInt64LE(0)} overlap`);
}

/** lmdb leaves no room between nodes. Where there is some, a length or a place is wrong. */
function isFilled(bytes: Buffer, page: Page): boolean {
  const ends =
    page.kind === 'branch'
      ? page.nodes.map(({ key }) => ({ key, end: endOf(bytes, key) }))
      : page.nodes.map(({ key, value }) => ({
          key,
          end: endOf(bytes, key) + (Buffer.isBuffer(value) ? value.length : REFERENCE_BYTES),
        }));
  ends.sort((one, other) => one.key.byteOffset - other.key.byteOffset);
  let next = HEAD_BYTES + bytes.readUInt16LE(22);
  for (const { key, end } of ends) {
    if (key.byteOffset - bytes.byteOffset - NODE_BYTES !== next) return false;
    next = end + (end % 2);
  }
  return next === bytes.length;
}

function endOf(bytes: Buffer, key: Buffer): number {
  return key.byteOffset - bytes.byteOffset + key.length;
}

/**
 * Whatever could be a node of a leaf, in a page whose head or offsets are damaged. Most of it is none: only a record that
 * has a checksum shows that it is one.
 */
export function* looseNodes(bytes: Buffer): Generator<LeafNode> {
  for (let at = HEAD_BYTES; at + NODE_BYTES <= bytes.length; at += 2) {
    const node = bytes.readUInt16LE(at + 6) === 0 ? undefined : leafNode(bytes, at);
    if (node) yield node;
  }
}

/** How many pages a value has for itself, from its first. Nothing when that is no such page. */
export function overflowPages(bytes: Buffer, page: number): number | undefined {
  const isFirst = Number(bytes.readBigUInt64LE(0)) === page && (bytes.readUInt16LE(18) & KIND) === OVERFLOW;
  return isFirst ? bytes.readUInt32LE(20) : undefined;
}

/** Bytes of its first page that come before a value. */
export const OVERFLOW_HEAD_BYTES = HEAD_BYTES;

function branchNode(bytes: Buffer, at: number): BranchNode | undefined {
  const key = keyAt(bytes, at);
  if (!key) return undefined;
  const page = bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 2 ** 32;
  return { key, page };
}

function leafNode(bytes: Buffer, at: number): LeafNode | undefined {
  const key = keyAt(bytes, at);
  // Only the first node of a branch has none.
  if (!key || key.length === 0) return undefined;
  const flags = bytes.readUInt16LE(at + 4);
  if (flags !== 0 && flags !== ON_OVERFLOW_PAGES && flags !== IS_TREE) return undefined;
  const dataAt = at + NODE_BYTES + key.length;
  const size = bytes.readUInt32LE(at);
  if (flags !== ON_OVERFLOW_PAGES) {
    if (dataAt + size > bytes.length) return undefined;
    return { key, value: bytes.subarray(dataAt, dataAt + size), isTree: flags === IS_TREE };
  }
  if (dataAt + REFERENCE_BYTES > bytes.length) return undefined;
  const page = Number(bytes.readBigUInt64LE(dataAt));
  return { key, value: { page, bytes: size }, isTree: false };
}

function keyAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + NODE_BYTES > bytes.length) return undefined;
  const length = bytes.readUInt16LE(at + 6);
  const end = at + NODE_BYTES + length;
  return length > MAX_KEY_BYTES || end > bytes.length ? undefined : bytes.subarray(at + NODE_BYTES, end);
}
