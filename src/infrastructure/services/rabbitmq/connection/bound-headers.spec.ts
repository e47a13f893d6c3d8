import type { ChannelModel } from '../client/amqplib-client.js';
import { boundHeaders } from './bound-headers.js';

/** The parts of the client's connection that matter here: what is read from the socket arrives in pieces. */
class Connection {
  rest: Buffer = Buffer.alloc(0);
  readonly others: Buffer[] = [];

  constructor(private readonly pieces: Buffer[]) {}

  recvFrame(): unknown {
    if (this.rest[0] !== undefined && this.rest[0] !== 2) {
      this.others.push(this.rest);
      this.rest = Buffer.alloc(0);
      return 'other';
    }
    const piece = this.pieces.shift();
    if (!piece) return false;
    this.rest = Buffer.concat([this.rest, piece]);
    return this.recvFrame();
  }
}

const bounded = (...pieces: Buffer[]): Connection => {
  const connection = new Connection(pieces);
  expect(boundHeaders({ connection } as unknown as ChannelModel)).toBe(true);
  return connection;
};

const FRAME = Buffer.from([
  ...[2, 0, 9, 0, 0, 0, 17], // type, channel, size
  ...[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], // class, weight, size of the body
  ...[0, 0x80, 2, 105, 100], // flags, message id
  0xce,
]);

it('decodes a content header once all of it is there, and leaves other frames to the client', () => {
  const method = Buffer.from([1, 0, 9, 0, 0, 0, 0, 0xce]);
  const connection = bounded(
    FRAME.subarray(0, 3),
    FRAME.subarray(3, 20),
    Buffer.concat([FRAME.subarray(20), method]),
  );
  expect(connection.recvFrame()).toMatchObject({ channel: 9, id: 60, size: 5, fields: { messageId: 'id' } });
  expect(connection.recvFrame()).toBe('other');
  expect(connection.others).toEqual([method]);
});

it('leaves a client with other internals as it is, and returns false', () => {
  const connection = { recvFrame: () => 'own', rest: 'text' };
  expect(boundHeaders({ connection } as unknown as ChannelModel)).toBe(false);
  expect(connection.recvFrame()).toBe('own');
});
