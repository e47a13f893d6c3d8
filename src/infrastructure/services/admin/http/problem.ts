import { brandInstances } from '../../../../core/messaging/ports/brand.js';
import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';

/** One mistake in a request. `pointer` names the parameter or the path in the body. */
export interface ProblemItem {
  readonly pointer: string;
  readonly message: string;
}

/** `slug` is the last part of `urn:problem:messaging:…`; stable. */
interface ProblemKind {
  readonly status: number;
  readonly slug: string;
  readonly title: string;
}

/** An error response in the format of RFC 9457. */
export class ProblemError extends Error implements ProblemKind {
  static {
    brandInstances(this, 'ProblemError');
  }

  readonly status: number;
  readonly slug: string;
  readonly title: string;

  constructor(
    { status, slug, title }: ProblemKind,
    readonly detail: string,
    readonly errors: readonly ProblemItem[] = [],
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.slug = slug;
    this.title = title;
  }
}

/** Every kind of problem that this API returns. */
export const PROBLEM = {
  badRequest: { status: 400, slug: 'bad-request', title: 'Malformed request' },
  unauthenticated: { status: 401, slug: 'unauthenticated', title: 'Not authenticated' },
  forbidden: { status: 403, slug: 'forbidden', title: 'Not allowed' },
  crossSite: { status: 403, slug: 'cross-site', title: 'Not allowed from another site' },
  payloadsHidden: { status: 403, slug: 'payloads-hidden', title: 'Payloads are not shown' },
  notFound: { status: 404, slug: 'not-found', title: 'Not found' },
  methodNotAllowed: { status: 405, slug: 'method-not-allowed', title: 'Method not allowed' },
  conflict: { status: 409, slug: 'conflict', title: 'Not possible in this state' },
  changed: { status: 412, slug: 'changed', title: 'It was changed meanwhile' },
  tooLarge: { status: 413, slug: 'too-large', title: 'The request is too large' },
  mediaType: { status: 415, slug: 'unsupported-media-type', title: 'Unsupported media type' },
  invalidFilter: { status: 422, slug: 'invalid-filter', title: 'The request makes no sense' },
  invalidOption: { status: 422, slug: 'invalid-option', title: 'The request makes no sense' },
  replayRefused: { status: 422, slug: 'replay-refused', title: 'The transport refuses the message' },
  tooMany: { status: 429, slug: 'too-many-requests', title: 'Too many requests' },
  internal: { status: 500, slug: 'internal', title: 'Something went wrong inside' },
  store: { status: 503, slug: 'store-unavailable', title: 'A store is not available' },
  audit: { status: 503, slug: 'audit-unavailable', title: 'The audit log is not available' },
  transport: { status: 503, slug: 'transport-unavailable', title: 'The transport is not available' },
  tooManyWatchers: { status: 503, slug: 'too-many-watchers', title: 'Too many watchers' },
  notRunning: { status: 503, slug: 'not-running', title: 'The application is stopping' },
} as const satisfies Record<string, ProblemKind>;

const BY_CODE: Partial<Record<MessagingErrorCode, ProblemKind>> = {
  NOT_FOUND: PROBLEM.notFound,
  CONFLICT: PROBLEM.conflict,
  REVISION_CHANGED: PROBLEM.changed,
  STORE_FULL: PROBLEM.store,
  TRANSPORT_UNAVAILABLE: PROBLEM.transport,
  DEADLINE_EXCEEDED: PROBLEM.transport,
  OPTION_INVALID: PROBLEM.invalidOption,
  FORBIDDEN: PROBLEM.forbidden,
  STORE_UNAVAILABLE: PROBLEM.store,
  AUDIT_UNAVAILABLE: PROBLEM.audit,
  PUBLISH_UNAVAILABLE: PROBLEM.transport,
  PUBLISH_REFUSED: PROBLEM.replayRefused,
  NOT_RUNNING: PROBLEM.notRunning,
};

/** The problem for a messaging error, or undefined for an error that must not be shown. */
export function problemOf(error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  if (!(error instanceof MessagingError)) return undefined;
  const kind = BY_CODE[error.code];
  if (!kind) return undefined;
  // The error text of a store may name hosts; its code does not. That of the audit log is ours.
  const detail =
    kind.status === 503 && kind !== PROBLEM.audit ? `${kind.title} (${error.code}).` : error.message;
  return new ProblemError(kind, detail);
}

/** A problem with only a status. */
export function problemOfStatus(status: number, detail?: string): ProblemError {
  const known = Object.values<ProblemKind>(PROBLEM).find((kind) => kind.status === status);
  const kind = known ?? { status, slug: 'refused', title: 'The request was refused' };
  return new ProblemError(kind, detail ?? `${kind.title}.`);
}

/** The body of the answer, as text. */
export function problemBody(problem: ProblemError, requestId: string): string {
  return JSON.stringify({
    type: `urn:problem:messaging:${problem.slug}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance: `urn:request:${requestId}`,
    ...(problem.errors.length > 0 && { errors: problem.errors }),
  });
}
