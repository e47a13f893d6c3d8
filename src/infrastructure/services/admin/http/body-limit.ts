import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { MAX_BODY_BYTES, requestIdOf } from './request-checks.js';
import { PROBLEM, problemBody, ProblemError } from './problem.js';

/** What is read at most of a body that is refused. */
const MAX_DROPPED_BYTES = 16 * MAX_BODY_BYTES;

/**
 * Counts the bytes of every body below the path of the API as they arrive, and refuses a request once they are too many.
 *
 * The body parser of the host runs before any guard and has the limit of the host, and a body in chunks has no length to
 * check. So the events of the request are counted, before anything reads them.
 */
export function limitBodies(server: Server, basePath: string): void {
  server.prependListener('request', (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path.includes(`${basePath}/api/v1/`)) limitBody(request, response);
  });
}

function limitBody(request: IncomingMessage, response: ServerResponse): void {
  const emit = request.emit.bind(request);
  let bytes = 0;
  let isRefused = false;
  request.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'data') bytes += (args[0] as Uint8Array).length;
    if (bytes <= MAX_BODY_BYTES) return emit(event, ...args);
    if (!isRefused) refuse(request, response);
    isRefused = true;
    // A caller that is cut off while it sends may not see the answer, so the rest is read and dropped, up to a limit.
    if (event === 'end' || bytes > MAX_DROPPED_BYTES) request.destroy();
    // The parser must not see an end: the first part of a body can be valid JSON.
    return event === 'data' || event === 'end' ? true : emit(event, ...args);
  };
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  const problem = new ProblemError(PROBLEM.tooLarge, `Send at most ${MAX_BODY_BYTES} bytes.`);
  const url = request.url ?? '';
  const id = requestIdOf({ headers: request.headers, method: request.method ?? '', url });
  response
    .writeHead(problem.status, {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      Connection: 'close',
    })
    .end(problemBody(problem, id));
}
