const WORD = 2 ** 32;
/** Of the tenth byte. */
const MAX_VARINT_SCALE = 0x80 ** 9;

/** Reads what Kafka's answers are made of. Past the end of the bytes it gives nonsense, so that lengths are checked before. */
export class ByteReader {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  int8(): number {
    return this.bytes.readInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  /** Exact up to 2^53, as offsets and times are. */
  int64(): number {
    this.at += 8;
    return this.bytes.readInt32BE(this.at - 8) * WORD + this.bytes.readUInt32BE(this.at - 4);
  }

  int64Text(): string {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8).toString();
  }

  /** With its length in two bytes before. */
  string(): string {
    return this.text(this.int16());
  }

  text(length: number): string {
    const start = this.at;
    this.at += length;
    return this.bytes.toString('utf8', start, this.at);
  }

  /** Whether the same bytes are next as are there. */
  isAt(other: number, length: number): boolean {
    const { bytes, at } = this;
    for (let index = 0; index < length; index += 1)
      if (bytes[at + index] !== bytes[other + index]) return false;
    return true;
  }

  /** Without a copy. */
  slice(length: number): Buffer {
    const start = this.at;
    this.at += length;
    return this.bytes.subarray(start, this.at);
  }

  /** With its length before, of which -1 means none. */
  varintBytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.slice(length);
  }

  /** Of up to 53 bits; NaN for one that does not end within ten bytes. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] as number;
    if (byte < 0x80) return byte & 1 ? -(byte + 1) / 2 : byte / 2;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      if (scale > MAX_VARINT_SCALE) return NaN;
      byte = bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }
}
