import { type FileHandle, open } from 'node:fs/promises';

/** Where a record is in the file. */
export interface Place {
  readonly offset: number;
  readonly fieldBytes: number;
  readonly bodyBytes: number;
}

interface Pending {
  readonly parts: readonly Buffer[];
  readonly done: (offset: number) => void;
  readonly failed: (error: unknown) => void;
}

/** Two lengths, of the fields and of the body. */
const PREFIX_BYTES = 8;

/** A file of records that is only added to. A record has fields, written as JSON, and a body. */
export class Journal<TFields extends object> {
  #end = 0;
  #pending: Pending[] = [];
  #writing: Promise<void> | undefined;

  private constructor(private readonly file: FileHandle) {}

  static async open<T extends object>(path: string): Promise<Journal<T>> {
    return new Journal<T>(
      await open(path, 'a+').then(async (made) => {
        await made.close(); // exists now, and can be written to at any place
        return open(path, 'r+');
      }),
    );
  }

  /** Every record from the beginning. To be read to its end before anything is added. */
  async *records(): AsyncGenerator<{ fields: TFields; place: Place }> {
    const { size } = await this.file.stat();
    while (this.#end + PREFIX_BYTES <= size) {
      const prefix = await this.#bytes(this.#end, PREFIX_BYTES);
      const place = {
        offset: this.#end + PREFIX_BYTES,
        fieldBytes: prefix.readUInt32LE(0),
        bodyBytes: prefix.readUInt32LE(4),
      };
      const end = place.offset + place.fieldBytes + place.bodyBytes;
      if (end > size) return; // the process was killed while it wrote this one, which it has not reported
      yield { fields: this.#parse(await this.#bytes(place.offset, place.fieldBytes)), place };
      this.#end = end;
    }
  }

  async read({ offset, fieldBytes, bodyBytes }: Place): Promise<{ fields: TFields; body: Buffer }> {
    const bytes = await this.#bytes(offset, fieldBytes + bodyBytes);
    return { fields: this.#parse(bytes.subarray(0, fieldBytes)), body: bytes.subarray(fieldBytes) };
  }

  /** Resolves once the operating system has the record, in the order of the calls. */
  async append(fields: TFields, body: Uint8Array = Buffer.alloc(0)): Promise<Place> {
    const text = Buffer.from(JSON.stringify(fields));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32LE(text.length, 0);
    prefix.writeUInt32LE(body.length, 4);
    const offset = await new Promise<number>((done, failed) => {
      this.#pending.push({ parts: [prefix, text, Buffer.from(body)], done, failed });
      this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    });
    return { offset: offset + PREFIX_BYTES, fieldBytes: text.length, bodyBytes: body.length };
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.file.close();
  }

  /** Everything that waits, in one call. What fails is overwritten by what follows. */
  async #write(): Promise<void> {
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0);
      const bytes = Buffer.concat(batch.flatMap(({ parts }) => parts));
      try {
        for (let written = 0; written < bytes.length;)
          written += (await this.file.write(bytes, written, bytes.length - written, this.#end + written))
            .bytesWritten;
      } catch (error) {
        for (const { failed } of batch) failed(error);
        continue;
      }
      for (const { parts, done } of batch) {
        done(this.#end);
        for (const { length } of parts) this.#end += length;
      }
    }
  }

  async #bytes(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    if (length > 0) await this.file.read(bytes, 0, length, offset);
    return bytes;
  }

  #parse(bytes: Buffer): TFields {
    return JSON.parse(bytes.toString()) as TFields;
  }
}
