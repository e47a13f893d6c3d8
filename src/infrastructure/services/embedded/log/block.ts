import type { WireMessage } from '../../../../core/messaging/ports/transport.js';

/**
 * Messages that were published together, as they lie on disk.
 *
 * version (1) unused (1) count (2) appended at, ms since 1970 (8), then for each message the offset of its end (4), then
 * for each message: length of the metadata (4), metadata as JSON `{i: id, k?: key, h: headers}`, body.
 */
const VERSION = 1;
const HEAD_BYTES = 12;
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
  readonly #bytes: Buffer;
  readonly #damage: string | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#damage = damageOf(bytes);
    this.count = this.#damage === undefined ? bytes.readUInt16LE(2) : 1;
    this.appendedAt = this.#damage === undefined ? bytes.readDoubleLE(4) : NaN;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** @param index from 0 to `count - 1`. */
  message(index: number): StoredMessage {
    if (this.#damage !== undefined) return unreadable(this.#bytes, this.#damage);
    const bytes = this.#bytes;
    const start =
      index === 0 ? HEAD_BYTES + 4 * this.count : bytes.readUInt32LE(HEAD_BYTES + 4 * (index - 1));
    const end = bytes.readUInt32LE(HEAD_BYTES + 4 * index);
    const raw = bytes.subarray(start, end);
    if (raw.length < 4 || raw.readUInt32LE(0) > raw.length - 4)
      return unreadable(raw, 'its lengths do not fit');
    const bodyAt = 4 + raw.readUInt32LE(0);
    const metadata = metadataOf(raw.subarray(4, bodyAt));
    if (!metadata) return unreadable(raw, 'its metadata are not those of a message');
    const { i, k, h } = metadata;
    const body = raw.subarray(bodyAt);
    return { message: k === undefined ? { id: i, headers: h, body } : { id: i, key: k, headers: h, body } };
  }
}

function damageOf(bytes: Buffer): string | undefined {
  if (bytes.length < HEAD_BYTES) return 'it is too short';
  if (bytes[0] !== VERSION) return `it has version ${bytes[0]}, and this release reads version ${VERSION}`;
  const count = bytes.readUInt16LE(2);
  const dataAt = HEAD_BYTES + 4 * count;
  if (count === 0 || dataAt > bytes.length) return 'its number of messages does not fit';
  return bytes.readUInt32LE(dataAt - 4) === bytes.length ? undefined : 'its lengths do not fit';
}

function unreadable(body: Buffer, why: string): StoredMessage {
  return { message: { id: '', headers: {}, body }, unreadable: why };
}

function metadataOf(bytes: Buffer): Metadata | undefined {
  let found: unknown;
  try {
    found = JSON.parse(bytes.toString('utf8'));
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
  const dataAt = HEAD_BYTES + 4 * messages.length;
  let bound = dataAt;
  messages.forEach((message, index) => {
    bound += 4 + 3 * (metas[index] ?? '').length + message.body.length;
  });
  const bytes = Buffer.allocUnsafeSlow(bound);
  bytes[0] = VERSION;
  bytes[1] = 0;
  bytes.writeUInt16LE(messages.length, 2);
  bytes.writeDoubleLE(appendedAt, 4);
  let at = dataAt;
  messages.forEach(({ body }, index) => {
    const metaBytes = bytes.write(metas[index] ?? '', at + 4, 'utf8');
    bytes.writeUInt32LE(metaBytes, at);
    at += 4 + metaBytes;
    bytes.set(body, at);
    at += body.length;
    bytes.writeUInt32LE(at, HEAD_BYTES + 4 * index);
  });
  return new Block(bytes.subarray(0, at));
}
