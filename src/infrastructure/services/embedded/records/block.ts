import { crc32 } from 'node:zlib';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';

/**
 * Messages that were published together, as they lie on disk.
 *
 * Head: version (1) unused (1) count (2) appended at, ms since 1970 (8) topic (4) sequence number of the first (6)
 * unused (2) CRC-32 of the head and the table (4). Table, for each message: offset of its end (4) CRC-32 (4). Then for
 * each message: length of the metadata (4), metadata as JSON `{i: id, k?: key, h: headers}`, body.
 *
 * Each message has a checksum of its own, so that a damaged one costs no other of its block. Topic and sequence number
 * are zero where the key of the record does not say them.
 *
 * Blocks of format 1 are read too: version (1) unused (1) count (2) appended at (8), offsets (4 each), messages.
 */
const VERSION = 0xfe;
const HEAD_BYTES = 28;
const ENTRY_BYTES = 8;
const CHECKSUM_AT = 24;
/** It differs from {@link VERSION} in every bit, so that no single fault makes one look like the other. */
const PLAIN_VERSION = 1;
const PLAIN_HEAD_BYTES = 12;
const PLAIN_ENTRY_BYTES = 4;
const MAX_MESSAGES = 256;
/** One block stays below 16 pages, so that the space of a removed one fits the next. One message may be larger. */
const TARGET_BYTES = 60 * 1024;

interface Metadata {
  readonly i: string;
  readonly k?: string;
  readonly h: Readonly<Record<string, string>>;
}

/** A message as it is read. */
export interface StoredMessage {
  /** Without id and headers, and with the bytes as they are, where it cannot be read. */
  readonly message: WireMessage;
  /** Why it cannot be read. */
  readonly unreadable?: string;
}

/** Where a block is, by the key of its record. */
export interface BlockPlace {
  readonly topicId: number;
  /** Sequence number of its last message. */
  readonly last: number;
}

interface Layout {
  readonly headBytes: number;
  readonly entryBytes: number;
}

const CHECKED: Layout = { headBytes: HEAD_BYTES, entryBytes: ENTRY_BYTES };
const PLAIN: Layout = { headBytes: PLAIN_HEAD_BYTES, entryBytes: PLAIN_ENTRY_BYTES };

/**
 * A block, decoded one message at a time: a reader in a hurry for one does not pay for the others.
 *
 * Never throws for bytes that are no block: those count as one message that cannot be read, because a record that throws
 * would keep all later ones from their group.
 */
export class Block {
  readonly count: number;
  /** NaN where it cannot be read. */
  readonly appendedAt: number;
  /** Its head was not as it was written, whatever could be made of it. */
  readonly isDamaged: boolean;
  readonly #bytes: Buffer;
  /** The head, corrected where one bit of it was wrong. */
  readonly #head: Buffer;
  readonly #layout: Layout;
  readonly #damage: string | undefined;
  /** Why no message of it can be trusted, although each can be found. */
  readonly #doubt: string | undefined;
  readonly #isVerified: boolean;

  private constructor(bytes: Buffer, { place, mayBePlain, isWritten }: Reading) {
    this.#bytes = bytes;
    this.#layout = bytes[0] === PLAIN_VERSION && mayBePlain ? PLAIN : CHECKED;
    this.#isVerified = this.#layout === PLAIN || isWritten;
    this.#head = this.#isVerified ? bytes : wholeHead(bytes);
    this.#damage = damageOf(bytes, this.#head, this.#layout);
    this.isDamaged = !this.#isVerified && !isAsWritten(bytes);
    const isBlock = this.#damage === undefined;
    this.count = isBlock ? this.#head.readUInt16LE(2) : 1;
    this.appendedAt = isBlock ? this.#head.readDoubleLE(4) : NaN;
    if (isBlock && !this.#isVerified) this.#doubt = doubtOf(this.#head, this.count, place);
  }

  /** @param mayBePlain whether it may be a block of format 1, which had no checksums. */
  static read(bytes: Buffer, options: { place?: BlockPlace; mayBePlain: boolean }): Block {
    return new Block(bytes, { ...options, isWritten: false });
  }

  /** A block that this process has packed. */
  static written(bytes: Buffer): Block {
    return new Block(bytes, { mayBePlain: false, isWritten: true });
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** How long it is by its head; nothing when that is not certain. */
  get ownLength(): number | undefined {
    if (this.ownPlace === undefined) return undefined;
    return this.#head.readUInt32LE(HEAD_BYTES + ENTRY_BYTES * (this.count - 1));
  }

  /** Where its head says that it is; nothing when that is not certain. */
  get ownPlace(): BlockPlace | undefined {
    if (this.#layout === PLAIN || this.#damage !== undefined || !isHeadWhole(this.#head)) return undefined;
    const first = this.#head.readUIntLE(16, 6);
    return { topicId: this.#head.readUInt32LE(12), last: first + this.count - 1 };
  }

  /** Completes the head, once it is known where the block will be. */
  placeAt(topicId: number, first: number): void {
    this.#bytes.writeUInt32LE(topicId, 12);
    this.#bytes.writeUIntLE(first, 16, 6);
    this.#bytes.writeUInt32LE(headChecksum(this.#bytes, this.count), CHECKSUM_AT);
  }

  /** @param index from 0 to `count - 1`. */
  message(index: number): StoredMessage {
    if (this.#damage !== undefined) return unreadable(this.#bytes, this.#damage);
    const { headBytes, entryBytes } = this.#layout;
    const entryAt = headBytes + entryBytes * index;
    const start =
      index === 0 ? headBytes + entryBytes * this.count : this.#head.readUInt32LE(entryAt - entryBytes);
    const raw = this.#bytes.subarray(start, this.#head.readUInt32LE(entryAt));
    if (this.#doubt !== undefined) return unreadable(raw, this.#doubt);
    if (!this.#isVerified && crc32(raw, index) !== this.#head.readUInt32LE(entryAt + 4))
      return unreadable(raw, 'its checksum does not fit');
    if (raw.length < 4 || raw.readUInt32LE(0) > raw.length - 4)
      return unreadable(raw, 'its lengths do not fit');
    const bodyAt = 4 + raw.readUInt32LE(0);
    const metadata = metadataOf(raw.toString('utf8', 4, bodyAt));
    if (!metadata) return unreadable(raw, 'its metadata are not those of a message');
    const { i, k, h } = metadata;
    const body = raw.subarray(bodyAt);
    return { message: k === undefined ? { id: i, headers: h, body } : { id: i, key: k, headers: h, body } };
  }
}

interface Reading {
  readonly place?: BlockPlace;
  readonly mayBePlain: boolean;
  /** By this process: it was not on disk, and nothing is verified. */
  readonly isWritten: boolean;
}

function damageOf(bytes: Buffer, head: Buffer, { headBytes, entryBytes }: Layout): string | undefined {
  if (bytes.length < headBytes) return 'it is too short';
  const isKnown = head[0] === (headBytes === HEAD_BYTES ? VERSION : PLAIN_VERSION);
  if (!isKnown) return `it begins with ${head[0]}, which is no block of messages`;
  const count = head.readUInt16LE(2);
  const dataAt = headBytes + entryBytes * count;
  if (count === 0 || dataAt > bytes.length) return 'its number of messages does not fit';
  // With a whole head only the length of the record is wrong, which costs the messages that are cut off and no other.
  if (headBytes === HEAD_BYTES && isHeadWhole(head)) return undefined;
  return fits(bytes, { headBytes, entryBytes }, head) ? undefined : 'its lengths do not fit';
}

function isAsWritten(bytes: Buffer): boolean {
  return isHeadWhole(bytes) && fits(bytes, CHECKED);
}

/** Whether it ends where its last message does. Its number of messages has to be right. */
function fits(bytes: Buffer, { headBytes, entryBytes }: Layout, head = bytes): boolean {
  return head.readUInt32LE(headBytes + entryBytes * (head.readUInt16LE(2) - 1)) === bytes.length;
}

function doubtOf(head: Buffer, count: number, place: BlockPlace | undefined): string | undefined {
  const isThere =
    place === undefined ||
    (head.readUInt32LE(12) === place.topicId && head.readUIntLE(16, 6) === place.last - count + 1);
  return isThere ? undefined : 'it belongs to another place of the log';
}

function headChecksum(head: Buffer, count: number): number {
  const table = head.subarray(HEAD_BYTES, HEAD_BYTES + ENTRY_BYTES * count);
  return crc32(table, crc32(head.subarray(0, CHECKSUM_AT)));
}

function isHeadWhole(head: Buffer): boolean {
  if (head.length < HEAD_BYTES || head[0] !== VERSION) return false;
  const count = head.readUInt16LE(2);
  if (count === 0 || HEAD_BYTES + ENTRY_BYTES * count > head.length) return false;
  return headChecksum(head, count) === head.readUInt32LE(CHECKSUM_AT);
}

/**
 * The head, with the one bit turned that makes its checksum fit where it does not, or as it is. A wrong bit there would cost
 * all messages of the block.
 * A head that fits by chance does no harm, because each message has a checksum of its own.
 */
function wholeHead(bytes: Buffer): Buffer {
  if (isHeadWhole(bytes)) return bytes;
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES + ENTRY_BYTES * MAX_MESSAGES));
  if (head.length < HEAD_BYTES) return bytes;
  const bits = 8 * Math.min(head.length, HEAD_BYTES + ENTRY_BYTES * head.readUInt16LE(2));
  for (let bit = 0; bit < bits; bit += 1) {
    const at = bit >> 3;
    const mask = 1 << (bit & 7);
    head[at] = (head[at] ?? 0) ^ mask;
    if (isHeadWhole(head)) return head;
    head[at] = (head[at] ?? 0) ^ mask;
  }
  return bytes;
}

function unreadable(body: Buffer, why: string): StoredMessage {
  return { message: { id: '', headers: {}, body }, unreadable: why };
}

function metadataOf(text: string): Metadata | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isMetadata(found) ? found : undefined;
}

function isMetadata(found: unknown): found is Metadata {
  if (typeof found !== 'object' || found === null) return false;
  const { i, k, h } = found as Partial<Record<keyof Metadata, unknown>>;
  return typeof i === 'string' && (k === undefined || typeof k === 'string') && isHeaders(h);
}

function isHeaders(found: unknown): boolean {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  for (const name in found) if (typeof (found as Record<string, unknown>)[name] !== 'string') return false;
  return true;
}

/** Packs messages into as few blocks as the limits allow, in order. */
export function packBlocks(messages: readonly WireMessage[], appendedAt: number): Block[] {
  const blocks: Block[] = [];
  let metas: string[] = [];
  let bytes = 0;
  let from = 0;
  messages.forEach((message, index) => {
    const meta = JSON.stringify({ i: message.id, k: message.key, h: message.headers } satisfies Record<
      keyof Metadata,
      unknown
    >);
    // A character takes at most three bytes in UTF-8.
    const size = 8 + 3 * meta.length + message.body.length;
    if (metas.length > 0 && (metas.length === MAX_MESSAGES || bytes + size > TARGET_BYTES)) {
      blocks.push(pack(messages.slice(from, index), metas, appendedAt));
      metas = [];
      bytes = 0;
      from = index;
    }
    metas.push(meta);
    bytes += size;
  });
  if (metas.length > 0) blocks.push(pack(messages.slice(from), metas, appendedAt));
  return blocks;
}

/** The block of one message. */
export function packOne(message: WireMessage, appendedAt: number): Block {
  const [block] = packBlocks([message], appendedAt);
  return block as Block;
}

function pack(messages: readonly WireMessage[], metas: readonly string[], appendedAt: number): Block {
  const dataAt = HEAD_BYTES + ENTRY_BYTES * messages.length;
  let bound = dataAt;
  messages.forEach((message, index) => {
    bound += 4 + 3 * (metas[index] ?? '').length + message.body.length;
  });
  const bytes = Buffer.allocUnsafeSlow(bound);
  bytes.fill(0, 0, HEAD_BYTES);
  bytes[0] = VERSION;
  bytes.writeUInt16LE(messages.length, 2);
  bytes.writeDoubleLE(appendedAt, 4);
  let at = dataAt;
  messages.forEach(({ body }, index) => {
    const start = at;
    const metaBytes = bytes.write(metas[index] ?? '', at + 4, 'utf8');
    bytes.writeUInt32LE(metaBytes, at);
    at += 4 + metaBytes;
    bytes.set(body, at);
    at += body.length;
    const entryAt = HEAD_BYTES + ENTRY_BYTES * index;
    bytes.writeUInt32LE(at, entryAt);
    bytes.writeUInt32LE(crc32(bytes.subarray(start, at), index), entryAt + 4);
  });
  return Block.written(bytes.subarray(0, at));
}
