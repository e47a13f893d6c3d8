import {
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  SetMetadata,
} from '@nestjs/common';
import type { AdminIdentity, AdminRequest, AdminRole } from '../admin-authorizer.js';
import { identityOf } from '../http/request-checks.js';

export const ADMIN_ACTION = 'switchyard:admin-action';

/** The action of a route for the audit log, and the role that it requires. */
export interface AdminActionMetadata {
  readonly action: string;
  readonly role: AdminRole;
}

/** Permits a route to a role. A route without it denies every caller. */
export function AdminAction(action: string, role: AdminRole): CustomDecorator {
  return SetMetadata(ADMIN_ACTION, { action, role } satisfies AdminActionMetadata);
}

/** Injects the caller into a parameter of a route. */
export const Caller = createParamDecorator<unknown, AdminIdentity>((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<AdminRequest>()),
);
