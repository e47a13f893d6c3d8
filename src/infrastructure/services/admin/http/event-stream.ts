import type { IncomingMessage, ServerResponse } from 'node:http';

/** Where a stream of server-sent events is written to. */
export interface StreamSink {
  /** `written` is called once the system has taken the bytes, or the connection is over. */
  write(chunk: Buffer, written: () => void): void;
  /** Ends the stream once everything is sent. */
  end(chunk: string): void;
  /** Closes the connection at once. */
  destroy(): void;
  /** Called when the connection is over. */
  onClose(closed: () => void): void;
}

/** The result of a route whose answer is a stream of server-sent events. */
export class EventStream {
  constructor(readonly open: (sink: StreamSink) => void) {}
}

type Raw = ServerResponse & { readonly req: IncomingMessage };

/** Of Fastify. */
interface FastifyReply {
  readonly raw: Raw;
  hijack(): void;
  getHeaders(): Readonly<Record<string, string>>;
}

/** Sends the head of the stream and opens it, past what the web framework does with bodies. */
export function openStream(response: object, { open }: EventStream): void {
  const [raw, headers] = rawOf(response as Raw | FastifyReply);
  const { req } = raw;
  raw.on('error', () => undefined); // its end is reported as a close
  raw.writeHead(200, {
    ...headers,
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
    // A connection that is kept alive would delay the close of the server.
    ...(req.httpVersionMajor === 1 && { Connection: 'close' }),
  });
  if (req.method === 'HEAD') {
    raw.end();
    return;
  }
  open({
    write: (chunk, written) => void raw.write(chunk, () => written()),
    end: (chunk) => void raw.end(chunk),
    destroy: () => void raw.destroy(),
    onClose: (closed) => void raw.on('close', closed),
  });
}

function rawOf(response: Raw | FastifyReply): [Raw, Readonly<Record<string, string>>] {
  if (!('hijack' in response)) return [response, {}];
  response.hijack();
  return [response.raw, response.getHeaders()];
}
