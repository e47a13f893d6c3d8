import { createParamDecorator, type ExecutionContext, Res, SetMetadata } from '@nestjs/common';
import type { AdminIdentity, AdminRequest, AdminRole } from '../admin-authorizer.js';
import { reply } from '../http/reply.js';
import type { RouteDescription } from '../http/route-description.js';
import { identityOf } from '../http/request-checks.js';

export const ADMIN_ACTION = 'switchyard:admin-action';

/** The action of a route for the audit log, and the role that it requires. */
export interface AdminActionMetadata {
  readonly action: string;
  readonly role: AdminRole;
  /** Absent for what is no route of the API. */
  readonly description: RouteDescription | undefined;
}

type Handler = (...args: unknown[]) => unknown;

/** Behind all parameters that a route declares. */
const RESPONSE_AT = 10;

/**
 * Permits a route to a role; one without it denies every caller. Stands directly above the method.
 *
 * `description` is required, because the OpenAPI document has every route. The route sends its result itself. Returned, it would pass the interceptors of the host, which wrap answers.
 */
export function AdminAction(
  action: string,
  role: AdminRole,
  description: RouteDescription | undefined,
): (target: object, key: string | symbol, descriptor: PropertyDescriptor) => void {
  return (target, key, descriptor) => {
    const handle = descriptor.value as Handler;
    const send = async function (this: unknown, ...args: unknown[]): Promise<void> {
      reply(args[RESPONSE_AT] as object, await handle.apply(this, args));
    };
    descriptor.value = send;
    Res()(target, key, RESPONSE_AT);
    SetMetadata(ADMIN_ACTION, { action, role, description } satisfies AdminActionMetadata)(send);
  };
}

/** Injects the caller into a parameter of a route. */
export const Caller = createParamDecorator<unknown, AdminIdentity>((_: unknown, context: ExecutionContext) =>
  identityOf(context.switchToHttp().getRequest<AdminRequest>()),
);
