import type { IncomingHttpHeaders } from 'node:http';
import type { Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import { nameOfEntry, providedFunction } from '../../../core/messaging/provided-function.js';

/**
 * What a caller may do: a `viewer` looks, an `operator` replays, archives and restores as well, an `admin` discards as
 * well. `payload:read` is apart from these and lets payloads be seen where the application allows it at all.
 */
export const ADMIN_ROLES = ['viewer', 'operator', 'admin', 'payload:read'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** The identity of a caller. `subject` is written to the audit log. */
export interface AdminIdentity {
  readonly subject: string;
  readonly roles: readonly AdminRole[];
  /**
   * Topics that the caller sees, as names or patterns with `*` and `**`; everything of others is unknown to it, and what
   * concerns the whole process is denied. Absent for all topics. An invalid list denies everything.
   */
  readonly topics?: readonly string[];
}

/** The part of a request that is the same in every web framework. */
export interface AdminRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the caller. Behind a proxy it is the caller's only where the host trusts the proxy (`trust proxy`, `trustProxy`). */
  readonly ip?: string | undefined;
}

/**
 * Returns the identity of the caller, or null for an unknown caller. The request is denied when it throws, or does
 * not answer within five seconds. After 20 keys from one address that it did not know within a minute, it is not asked
 * about that address until the first of them is a minute old. It runs after the host's own guards, and may use what they have stored in the
 * request.
 */
export type AdminAuthorizer = (request: AdminRequest) => AdminIdentity | null | Promise<AdminIdentity | null>;

/** An {@link AdminAuthorizer} that is a provider of the application. */
export interface RequestAuthorizer {
  authorize(request: AdminRequest): ReturnType<AdminAuthorizer>;
}

/** A function, or a provider of the default scope in any module: its class, or a symbol. */
export type AdminAuthorizerOption = AdminAuthorizer | Type<RequestAuthorizer> | symbol;

/** @throws MessagingConfigurationError when it is neither a function nor a provider with the method. */
export function authorizerOf(option: AdminAuthorizerOption, moduleRef: ModuleRef): AdminAuthorizer {
  const wanted = { method: 'authorize', interfaceName: 'RequestAuthorizer' };
  const found = providedFunction(option, wanted, {
    get: (token) => moduleRef.get<unknown>(token, { strict: false }),
  });
  if (typeof found === 'function') return found as AdminAuthorizer;
  throw new MessagingConfigurationError([
    `Option authorizer is ${nameOfEntry(option)}, which ${String(found)}.`,
  ]);
}

const RANK: Readonly<Record<AdminRole, number>> = { viewer: 1, operator: 2, admin: 3, 'payload:read': 0 };

/** True when the identity has the role itself or a higher one of viewer, operator and admin. */
export function hasRole(identity: AdminIdentity, role: AdminRole): boolean {
  if (role === 'payload:read') return identity.roles.includes(role);
  return identity.roles.some((held) => ((RANK[held] as number | undefined) ?? 0) >= RANK[role]);
}
