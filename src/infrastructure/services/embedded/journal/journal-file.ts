import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { OWNER_ONLY_FILE } from '../database/secure-directory.js';

/** generation (4) number of the batch in the file (4) length (4) CRC-32 of the three and the records (4) */
const HEAD_BYTES = 16;
/** Records that were written together. */
export interface Batch {
  /** Offset in the file. */
  readonly at: number;
  readonly generation: number;
  /** From 0, in the order in which they were written. */
  readonly number: number;
  readonly records: Buffer;
}

const GROW_BYTES = 1024 * 1024;
const READ_WRITE_CREATE = 'a+';

/** Batches of records, appended and never changed. The blocks on disk are taken beforehand and used again. */
export class JournalFile {
  readonly #fd: number;
  #capacity: number;
  #position = 0;
  #batch = 0;
  #generation = 0;

  constructor(path: string) {
    closeSync(openSync(path, READ_WRITE_CREATE, OWNER_ONLY_FILE));
    this.#fd = openSync(path, 'r+');
    this.#capacity = fstatSync(this.#fd).size;
    try {
      this.#reserve(GROW_BYTES); // now, because the disk may be full when the file is needed
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get generation(): number {
    return this.#generation;
  }

  /** As {@link batchesOf}; what is written next follows them. */
  read(): Batch[] {
    const batches = batchesOf(this.#content());
    const last = batches.at(-1);
    if (!last) return batches;
    this.#generation = last.generation;
    this.#position = endOf(last);
    this.#batch = last.number + 1;
    return batches;
  }

  #content(): Buffer {
    const bytes = Buffer.alloc(this.#capacity);
    for (let at = 0; at < bytes.length;) {
      const got = readSync(this.#fd, bytes, at, bytes.length - at, at);
      if (got === 0) break;
      at += got;
    }
    return bytes;
  }

  /** Begins a generation: what the file held is void once `records` are written. */
  restart(generation: number, records: Buffer): void {
    this.#position = 0;
    this.#batch = 0;
    this.#generation = generation;
    this.#reserve(4 * (records.length + HEAD_BYTES));
    this.append(records);
  }

  fits(bytes: number): boolean {
    return this.#position + HEAD_BYTES + bytes <= this.#capacity;
  }

  append(records: Buffer): void {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + records.length);
    bytes.writeUInt32LE(this.#generation, 0);
    bytes.writeUInt32LE(this.#batch, 4);
    bytes.writeUInt32LE(records.length, 8);
    bytes.set(records, HEAD_BYTES);
    bytes.writeUInt32LE(checksum(bytes), 12);
    writeAll(this.#fd, bytes, this.#position);
    this.#position += bytes.length;
    this.#batch += 1;
  }

  /** Calls back when the disk has the file. */
  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#fd, done);
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #reserve(bytes: number): void {
    const wanted = Math.ceil(bytes / GROW_BYTES) * GROW_BYTES;
    if (wanted <= this.#capacity) return;
    writeAll(this.#fd, Buffer.alloc(wanted - this.#capacity), this.#capacity);
    this.#capacity = wanted;
  }
}

/**
 * Every whole batch of the newest generation in a file, in order. A number is missing for one that is damaged, unless it
 * was the last: that one looks like the end.
 */
export function batchesOf(bytes: Buffer): Batch[] {
  const batches: Batch[] = [];
  for (;;) {
    const found = nextBatch(bytes, batches.at(-1));
    if (!found) return batches;
    batches.push(found);
  }
}

/** The batch that follows, or the next whole one behind what is damaged. */
function nextBatch(bytes: Buffer, before: Batch | undefined): Batch | undefined {
  for (let at = before ? endOf(before) : 0; at + HEAD_BYTES <= bytes.length; at += HEAD_BYTES) {
    const found = batchAt(bytes, at);
    // Of batches of an earlier generation the file is full.
    if (!found || (before && found.generation !== before.generation)) continue;
    if (!before || found.number > before.number) return found;
  }
  return undefined;
}

function batchAt(bytes: Buffer, at: number): Batch | undefined {
  const length = bytes.readUInt32LE(at + 8);
  const end = at + HEAD_BYTES + length;
  if (length === 0 || length % HEAD_BYTES !== 0 || end > bytes.length) return undefined;
  const batch = bytes.subarray(at, end);
  if (checksum(batch) !== batch.readUInt32LE(12)) return undefined;
  const [generation, number] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
  return { at, generation, number, records: batch.subarray(HEAD_BYTES) };
}

function endOf({ at, records }: Batch): number {
  return at + HEAD_BYTES + records.length;
}

function checksum(batch: Buffer): number {
  return crc32(batch.subarray(HEAD_BYTES), crc32(batch.subarray(0, 12)));
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
