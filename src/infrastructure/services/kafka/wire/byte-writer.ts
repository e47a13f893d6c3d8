/** Texts up to this are copied here, which is faster than a call into the runtime. */
const SHORT = 48;
/** Names of headers that are kept encoded: applications have few of them. */
const MAX_NAMES = 1_000;
const names = new Map<string, Buffer>();

/** Writes what Kafka's requests are made of into a buffer that is large enough. */
export class ByteWriter {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  int8(value: number): void {
    this.at = this.bytes.writeInt8(value, this.at);
  }

  int16(value: number): void {
    this.at = this.bytes.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  int64(value: bigint): void {
    this.at = this.bytes.writeBigInt64BE(value, this.at);
  }

  /** With its length in two bytes. */
  string(text: string): void {
    const start = this.at;
    this.at += 2;
    this.#text(text);
    this.bytes.writeInt16BE(this.at - start - 2, start);
  }

  /** Of a number that is not negative and below 2^30, as Kafka writes those that may be negative. */
  varint(value: number): void {
    let rest = value * 2;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  /** With its length before. */
  varintBytes(value: Buffer): void {
    this.varint(value.length);
    this.at += value.copy(this.bytes, this.at);
  }

  /** With its length before. */
  varintText(text: string): void {
    this.prefixed(text.length, () => this.#text(text));
  }

  /** As {@link varintText}, for texts that come again and again. */
  varintName(text: string): void {
    let encoded = names.get(text);
    if (!encoded) {
      const writer = new ByteWriter(Buffer.allocUnsafe(5 + text.length * 3));
      writer.varintText(text);
      encoded = Buffer.from(writer.bytes.subarray(0, writer.at));
      if (names.size < MAX_NAMES) names.set(text, encoded);
    }
    this.at += encoded.copy(this.bytes, this.at);
  }

  /** Nothing, where bytes could be. */
  varintNull(): void {
    this.bytes[this.at++] = 1; // -1
  }

  /** Writes the length of what is written, which is guessed, before it. Returns the length. */
  prefixed(guess: number, write: () => void): number {
    const start = this.at;
    const room = sizeOfVarint(guess);
    this.at += room;
    write();
    const length = this.at - start - room;
    const needed = sizeOfVarint(length);
    if (needed !== room) this.bytes.copyWithin(start + needed, start + room, this.at);
    this.at = start;
    this.varint(length);
    this.at += length;
    return length;
  }

  #text(text: string): void {
    const { bytes } = this;
    if (text.length <= SHORT) {
      let { at } = this;
      let index = 0;
      for (; index < text.length; index += 1) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        bytes[at++] = code;
      }
      if (index === text.length) {
        this.at = at;
        return;
      }
    }
    this.at += bytes.write(text, this.at);
  }
}

/** Bytes that {@link ByteWriter.varint} takes. */
function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) size += 1;
  return size;
}
