import type { ChannelModel } from '../client/amqplib-client.js';
import { decodeContentHeader } from '../wire/content-header.js';

const CONTENT_HEADER = 2;
/** Type, channel and size, before the payload of a frame. */
const PREFIX_BYTES = 7;
const FRAME_END = 0xce;

/** Internals of the client that are used. They are not public, so each is feature-detected before use. */
interface Inside {
  /** Bytes that were read from the socket and not decoded so far. */
  rest: Buffer;
  recvFrame: () => unknown;
}

/**
 * Symptom: a message whose headers are nested thousands deep ends the connection of every process that it is delivered to, and is
 * delivered again, for ever; so does a field of a type that the client does not know. Cause: the client decodes headers by
 * recursion and outside of every callback, so that nothing above it can catch the error and acknowledge the message. The headers of messages are decoded
 * here instead, within bounds.
 *
 * Public issue: none is known.
 * Versions: 0.10.9 to 2.3.1. A client with other internals is left as it is.
 * Proof: `bound-headers.spec.ts`; with a broker, `test/faults/rabbitmq-poison.spec.ts`.
 *
 * @returns false for a client with other internals, whose headers are not bounded.
 */
export function boundHeaders({ connection }: Pick<ChannelModel, 'connection'>): boolean {
  const inside = connection as unknown as Partial<Inside>;
  const { recvFrame } = inside;
  if (typeof recvFrame !== 'function' || !Buffer.isBuffer(inside.rest)) return false;
  // The client's own function reads from the socket, and then calls this one again.
  inside.recvFrame = () => takeHeader(inside as Inside) ?? recvFrame.call(inside);
  return true;
}

/** The content header that comes next; undefined when it is not complete, or something else comes next. */
function takeHeader(inside: Inside): object | undefined {
  const { rest } = inside;
  if (rest.length < PREFIX_BYTES || rest[0] !== CONTENT_HEADER) return undefined;
  const end = PREFIX_BYTES + rest.readUInt32BE(3);
  if (rest[end] !== FRAME_END) return undefined;
  const header = decodeContentHeader(rest.subarray(PREFIX_BYTES, end));
  if (!header) return undefined;
  inside.rest = rest.subarray(end + 1);
  return { ...header, channel: rest.readUInt16BE(1) };
}
