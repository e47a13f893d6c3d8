import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { AdminIdentity, AdminRequest, RequestAuthorizer } from 'switchyard/admin';

interface HostRequest extends AdminRequest {
  user?: string;
}

const PUBLIC = 'public';
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(PUBLIC, true);

/** The global guard of the application: everything is closed that is not `Public()`. */
@Injectable()
export class LoginGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (
      this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [
        context.getHandler(),
        context.getClass(),
      ])
    )
      return true;
    const request = context.switchToHttp().getRequest<HostRequest>();
    const [, user] = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (user === undefined) throw new UnauthorizedException();
    request.user = user;
    return true;
  }
}

/** Whoever is logged in may use the admin API, because the guard has run before. */
@Injectable()
export class StaffAuthorizer implements RequestAuthorizer {
  authorize({ user }: HostRequest): AdminIdentity | null {
    return user === undefined ? null : { subject: user, roles: ['operator'] };
  }
}
