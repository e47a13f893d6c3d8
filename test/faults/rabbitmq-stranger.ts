import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import type { RabbitmqCluster } from '../support/brokers/rabbitmq-cluster.js';

/** What the client's own connection is written with, because its encoder makes no message that it could not decode. */
interface Inside {
  readonly ch: number;
  readonly connection: { readonly stream: { write(bytes: Buffer): void } };
  pushConfirmCallback(confirmed: (error: unknown) => void): void;
}

/** A message in bytes of its own. */
export interface RawMessage {
  readonly queue?: string;
  readonly exchange?: string;
  /** Fields of the headers table. */
  readonly table?: Buffer;
  readonly id?: Buffer;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly priority?: number;
  readonly expiration?: string;
  readonly body: Buffer;
}

/** A foreign program that publishes whatever it likes. The broker closes its connection for some of that. */
export class Stranger {
  #model: ChannelModel | undefined;
  #channel: ConfirmChannel | undefined;

  constructor(private readonly server: Pick<RabbitmqCluster, 'urls'>) {}

  /** False when the broker refuses it. */
  async put(message: RawMessage): Promise<boolean> {
    const channel = (this.#channel ??= await this.#open());
    return new Promise((resolve) => {
      const lost = (): void => {
        this.#channel = undefined;
        resolve(false);
      };
      channel.once('close', lost);
      const inside = channel as unknown as Inside;
      inside.pushConfirmCallback((error) => {
        channel.removeListener('close', lost);
        if (error) lost();
        else resolve(true);
      });
      inside.connection.stream.write(frames(inside.ch, message));
    });
  }

  async close(): Promise<void> {
    await this.#model?.close().catch(() => undefined);
  }

  async #open(): Promise<ConfirmChannel> {
    await this.close();
    this.#model = await connect(this.server.urls[0]!);
    this.#model.on('error', () => undefined);
    const channel = await this.#model.createConfirmChannel();
    channel.on('error', () => undefined);
    return channel;
  }
}

const MAX_BODY_FRAME = 100_000;

function frames(channel: number, message: RawMessage): Buffer {
  const { exchange = '', queue = '', body } = message;
  const method = Buffer.concat([
    Buffer.from([0, 60, 0, 40, 0, 0]),
    short(exchange),
    short(queue),
    Buffer.from([0]),
  ]);
  const size = Buffer.alloc(12);
  size.writeUInt16BE(60, 0);
  size.writeBigUInt64BE(BigInt(body.length), 4);
  const all = [frame(1, channel, method), frame(2, channel, Buffer.concat([size, properties(message)]))];
  for (let at = 0; at < body.length; at += MAX_BODY_FRAME)
    all.push(frame(3, channel, body.subarray(at, at + MAX_BODY_FRAME)));
  return Buffer.concat(all);
}

function properties({ table, id, contentType, contentEncoding, priority, expiration }: RawMessage): Buffer {
  const given: readonly (readonly [flag: number, value: Buffer | undefined])[] = [
    [0x8000, contentType === undefined ? undefined : short(contentType)],
    [0x4000, contentEncoding === undefined ? undefined : short(contentEncoding)],
    [0x2000, table && long(table)],
    [0x0800, priority === undefined ? undefined : Buffer.from([priority])],
    [0x0100, expiration === undefined ? undefined : short(expiration)],
    [0x0080, id && short(id)],
  ];
  const flags = Buffer.alloc(2);
  flags.writeUInt16BE(given.reduce((sum, [flag, value]) => (value ? sum | flag : sum), 0));
  return Buffer.concat([flags, ...given.flatMap(([, value]) => value ?? [])]);
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

function short(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** With its length in four bytes before. */
export function long(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A field of a table; the value without its type. */
export function field(name: string | Buffer, type: string, value: Buffer): Buffer {
  return Buffer.concat([short(name), Buffer.from(type), value]);
}

/** A table inside a table, or a list inside a list, so many times. */
export function nested(levels: number, type: 'F' | 'A'): Buffer {
  const level = type === 'F' ? 6 : 5; // an empty name, the type and the length
  const bytes = Buffer.alloc(level * levels);
  for (let index = 0, at = 0; index < levels; index += 1, at += level) {
    bytes.write(type, at + level - 5);
    bytes.writeUInt32BE(bytes.length - at - level, at + level - 4);
  }
  return type === 'F' ? bytes : field('list', 'A', long(bytes));
}
