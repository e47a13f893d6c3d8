import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { OwnLogger } from '../../../../core/messaging/observing/own-logger.js';
import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import type { AdminRequest } from '../admin-authorizer.js';
import { problemBody, type ProblemError, problemOf, problemOfStatus } from './problem.js';
import { requestIdOf } from './request-checks.js';

/** Answers every failure of these controllers as `application/problem+json`, without internal details. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new OwnLogger('MessagingAdmin');

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const requestId = requestIdOf(http.getRequest<AdminRequest>());
    const problem = this.#describe(error, requestId);
    const response: unknown = http.getResponse();
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.isHeadersSent(response)) return;
    httpAdapter.setHeader(response, 'Content-Type', 'application/problem+json');
    httpAdapter.reply(response, problemBody(problem, requestId), problem.status);
  }

  #describe(error: unknown, requestId: string): ProblemError {
    const known = problemOf(error);
    if (known) return known;
    // Guards and middleware of the host throw exceptions of Nest, whose status is meant for the caller.
    if (error instanceof HttpException) return problemOfStatus(error.getStatus());
    this.#logger.error(`Request ${requestId} of the admin API failed with ${errorCodeOf(error)}.`);
    return problemOfStatus(500);
  }
}
