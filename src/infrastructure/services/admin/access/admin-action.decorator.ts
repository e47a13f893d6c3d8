import {
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  SetMetadata,
} from '@nestjs/common';
import type { AdminIdentity, AdminRequest, AdminRole } from '../admin-authorizer.js';
import { identityOf } from '../http/request-checks.js';

export const ADMIN_ACTION = 'switchyard:admin-action';

/** What a route does, in a word for the audit log, and the role that it takes. */
export interface AdminActionMetadata {
  readonly action: string;
  readonly role: AdminRole;
}

/** Opens a route to a role. A route without it is closed to everybody. */
export function AdminAction(action: string, role: AdminRole): CustomDecorator {
  return SetMetadata(ADMIN_ACTION, { action, role } satisfies AdminActionMetadata);
}

/** Hands the caller to a parameter of a route. */
export const Caller = createParamDecorator<unknown, AdminIdentity>((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<AdminRequest>()),
);
