import type { IncomingHttpHeaders } from 'node:http';

/**
 * What a caller may do: a `viewer` looks, an `operator` replays, archives and restores as well, an `admin` discards as
 * well. `payload:read` is apart from these and lets payloads be seen where the application allows it at all.
 */
export const ADMIN_ROLES = ['viewer', 'operator', 'admin', 'payload:read'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** Who a request comes from. `subject` is written to the audit log. */
export interface AdminIdentity {
  readonly subject: string;
  readonly roles: readonly AdminRole[];
}

/** The request of the web framework, whichever it is; this much of it is the same everywhere. */
export interface AdminRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Says who a request comes from, or null when that is nobody who is known. Throwing, and not answering within five
 * seconds, deny the request. Give it what the host's own guards have found out to use those: it runs after them.
 */
export type AdminAuthorizer = (request: AdminRequest) => AdminIdentity | null | Promise<AdminIdentity | null>;

const RANK: Readonly<Record<AdminRole, number>> = { viewer: 1, operator: 2, admin: 3, 'payload:read': 0 };

/** True when the identity has the role itself or a higher one of viewer, operator and admin. */
export function hasRole(identity: AdminIdentity, role: AdminRole): boolean {
  if (role === 'payload:read') return identity.roles.includes(role);
  return identity.roles.some((held) => ((RANK[held] as number | undefined) ?? 0) >= RANK[role]);
}
