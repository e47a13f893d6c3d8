import type { AdminRequest } from '../admin-authorizer.js';
import { problemBody, problemOfStatus } from './problem.js';
import { requestIdOf } from './request-checks.js';

interface PlainResponse {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string>): { end(body: string): void };
}

/**
 * Error handler for Express: answers errors of its body parser below the path of the API as problems. The parser
 * runs before any controller, so exception filters do not see its errors.
 */
export function answerBodyErrors(
  basePath: string,
): (error: unknown, request: AdminRequest, response: PlainResponse, next: (error: unknown) => void) => void {
  return (error, request, response, next) => {
    const status = statusOf(error);
    // The body was refused while it arrived.
    if (response.headersSent) return;
    const path = request.url.split('?', 1)[0] ?? '';
    if (status === undefined || !path.includes(`${basePath}/api/v1/`)) {
      next(error);
      return;
    }
    const detail = status === 400 ? 'The body is not JSON.' : undefined;
    response
      .writeHead(status, {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      })
      .end(problemBody(problemOfStatus(status, detail), requestIdOf(request)));
  };
}

/** Status that the body parser requests, or undefined for any other error. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { type, status } = error as { type?: unknown; status?: unknown };
  const fromParser = typeof type === 'string' && /^(entity|encoding|charset|request)\./.test(type);
  return fromParser && typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
