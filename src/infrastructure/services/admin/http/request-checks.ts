import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { AdminIdentity, AdminRequest } from '../admin-authorizer.js';
import { PROBLEM, ProblemError } from './problem.js';

const MAX_BODY_BYTES = 64 * 1024;

const requestIds = new WeakMap<object, string>();
const identities = new WeakMap<object, AdminIdentity>();

/** Id of a request: what `X-Request-Id` says if that is harmless, else a new one. The same for every call. */
export function requestIdOf(request: AdminRequest): string {
  let id = requestIds.get(request);
  if (id === undefined) {
    const given = request.headers['x-request-id'];
    id = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
    requestIds.set(request, id);
  }
  return id;
}

/** Remembers who a request comes from, once that is known. */
export function rememberIdentity(request: AdminRequest, identity: AdminIdentity): void {
  identities.set(request, identity);
}

/** Who the request comes from. Throws before the guard has let it pass. */
export function identityOf(request: AdminRequest): AdminIdentity {
  const identity = identities.get(request);
  if (!identity) throw new ProblemError(PROBLEM.unauthenticated, 'Nobody is known here.');
  return identity;
}

/**
 * Throws unless a request that changes something could only have been meant: not sent by another site's page, and with
 * a body that is JSON if there is one, because forms can send the other kinds without the browser asking.
 */
export function refuseUnintended(request: AdminRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  if (isCrossSite(request)) {
    throw new ProblemError(PROBLEM.crossSite, 'Changes are not accepted from pages of another site.');
  }
  if (!bodyIsJson(request.headers)) throw new ProblemError(PROBLEM.mediaType, 'Send application/json.');
  if (bodyBytes(request.headers) > MAX_BODY_BYTES) {
    throw new ProblemError(PROBLEM.tooLarge, `Send at most ${MAX_BODY_BYTES} bytes.`);
  }
}

function bodyBytes(headers: IncomingHttpHeaders): number {
  return Number(headers['content-length'] ?? 0);
}

/** True without a body as well. A content type alone is what a form without fields sends. */
function bodyIsJson(headers: IncomingHttpHeaders): boolean {
  const contentType = headers['content-type'];
  const hasBody = bodyBytes(headers) > 0 || headers['transfer-encoding'] !== undefined;
  if (!hasBody && contentType === undefined) return true;
  return /^application\/json\s*(;|$)/i.test(contentType ?? '');
}

function isCrossSite({ headers }: AdminRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (origin === undefined) return false;
  try {
    return new URL(origin).host !== headers.host;
  } catch {
    return true; // "null", which sandboxed pages send
  }
}
