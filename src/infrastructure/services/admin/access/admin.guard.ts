import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, Reflector } from '@nestjs/core';
import { AuditLog } from '../../../../core/messaging/dead-letters/audit-log.js';
import { OwnLogger } from '../../../../core/messaging/observing/own-logger.js';
import { MESSAGING_CLOCK } from '../../../../core/messaging/messaging.tokens.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import { ADMIN_ACTION, type AdminActionMetadata } from './admin-action.decorator.js';
import { authenticate } from '../admin-authentication.js';
import { type AdminIdentity, type AdminRequest, hasRole } from '../admin-authorizer.js';
import { ADMIN_SETTINGS, type AdminSettings } from '../admin.options.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { isLimited, problemOfTopics } from './topic-access.js';
import { rememberAdapter } from '../http/reply.js';
import { refuseUnintended, rememberIdentity, requestIdOf } from '../http/request-checks.js';

const AUTHORIZER_TIMEOUT_MS = 5_000;

const EVERYBODY: AdminIdentity = { subject: 'unguarded', roles: ['admin', 'payload:read'] };

/** Permits a request whose caller is authenticated and has the role of the route; denies every other. */
@Injectable()
export class AdminGuard implements CanActivate {
  readonly #logger = new OwnLogger('MessagingAdmin');

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(ADMIN_SETTINGS) private readonly settings: AdminSettings,
    private readonly audit: AuditLog,
    private readonly reflector: Reflector,
    private readonly adapterHost: HttpAdapterHost,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    private readonly moduleRef: ModuleRef,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<AdminRequest>();
    this.#secure(http.getResponse<object>(), requestIdOf(request));
    const wanted = this.reflector.get<AdminActionMetadata | undefined>(ADMIN_ACTION, context.getHandler());
    let identity: AdminIdentity | null = null;
    try {
      identity = await this.#identify(request, http.getResponse());
      if (!wanted || !hasRole(identity, wanted.role)) throw forbidden(wanted);
      refuseLimited(identity, wanted);
      refuseUnintended(request);
    } catch (error) {
      const errorCode = error instanceof ProblemError ? error.slug : errorCodeOf(error);
      const actor = identity?.subject ?? 'anonymous';
      // The denial waits for nothing: it stays one when the audit log fails.
      void this.audit.end({ action: wanted?.action ?? 'unknown', actor, outcome: 'denied', errorCode });
      throw error;
    }
    rememberIdentity(request, identity);
    return true;
  }

  async #identify(request: AdminRequest, response: unknown): Promise<AdminIdentity> {
    const { authorizer } = this.settings;
    const { httpAdapter } = this.adapterHost;
    if (authorizer === undefined) throw new ProblemError(PROBLEM.notFound, 'The admin API is off.');
    if (authorizer === 'unguarded') return EVERYBODY;
    const answer = await authenticate(authorizer, request, {
      clock: this.clock,
      moduleRef: this.moduleRef,
      timeoutMs: AUTHORIZER_TIMEOUT_MS,
    });
    switch (answer.kind) {
      case 'known':
        return this.#withValidTopics(answer.identity);
      case 'failed':
        this.#logger.error(
          `The authorizer of the admin API failed with ${answer.errorCode}; the request is denied.`,
        );
        throw new ProblemError(PROBLEM.forbidden, 'The caller could not be authenticated.');
      case 'unknown':
        httpAdapter.setHeader(response, 'WWW-Authenticate', 'Bearer realm="messaging"');
        throw new ProblemError(PROBLEM.unauthenticated, 'Send a configured key.');
      case 'blocked': {
        const seconds = Math.ceil(answer.forMs / 1_000);
        httpAdapter.setHeader(response, 'Retry-After', String(seconds));
        throw new ProblemError(
          PROBLEM.tooMany,
          `Too many keys from this address have failed. Try again in ${seconds} s.`,
        );
      }
    }
  }

  #withValidTopics(identity: AdminIdentity): AdminIdentity {
    const problem = problemOfTopics(identity);
    if (problem === undefined) return identity;
    this.#logger.error(
      `The authorizer of the admin API returned a caller that ${problem}; the request is denied.`,
    );
    throw new ProblemError(PROBLEM.forbidden, 'The caller could not be authenticated.');
  }

  #secure(response: object, requestId: string): void {
    const { httpAdapter } = this.adapterHost;
    rememberAdapter(response, httpAdapter);
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    httpAdapter.setHeader(response, 'X-Request-Id', requestId);
  }
}

/** A route that says nothing of topics is denied, so that a new one shows nothing by oversight. */
function refuseLimited(identity: AdminIdentity, { description }: AdminActionMetadata): void {
  // What is no route of the API has nothing to show.
  if (!isLimited(identity) || !description || description.topics !== undefined) return;
  throw new ProblemError(PROBLEM.forbidden, 'This concerns all topics, and this caller is limited to some.');
}

function forbidden(wanted: AdminActionMetadata | undefined): ProblemError {
  const detail = wanted ? `This requires the role "${wanted.role}".` : 'No role permits this.';
  return new ProblemError(PROBLEM.forbidden, detail);
}
