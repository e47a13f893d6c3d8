import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { AdminIdentity, AdminRequest } from '../admin-authorizer.js';
import { PROBLEM, ProblemError } from './problem.js';

/** Of a request that changes something. */
export const MAX_BODY_BYTES = 64 * 1024;

const requestIds = new WeakMap<object, string>();
const identities = new WeakMap<object, AdminIdentity>();

/** Id of a request: `X-Request-Id` if its characters are safe, else a new id. Every call returns the same id. */
export function requestIdOf(request: AdminRequest): string {
  let id = requestIds.get(request);
  if (id === undefined) {
    const given = request.headers['x-request-id'];
    id = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
    requestIds.set(request, id);
  }
  return id;
}

/** Stores the identity of the caller in the request. */
export function rememberIdentity(request: AdminRequest, identity: AdminIdentity): void {
  identities.set(request, identity);
}

/** The identity of the caller. Throws if the guard has not run. */
export function identityOf(request: AdminRequest): AdminIdentity {
  const identity = identities.get(request);
  if (!identity) throw new ProblemError(PROBLEM.unauthenticated, 'The caller is not authenticated.');
  return identity;
}

/**
 * Throws for a change that a page of another site may have caused (CSRF): for a foreign origin, and for a body that
 * is not JSON, because browsers send other types from forms without a preflight request.
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

/** Also true without a body. A form without fields sends a content type and no body. */
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
