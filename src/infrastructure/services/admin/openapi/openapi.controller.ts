import { Controller, Get, Inject, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { AdminAction } from '../access/admin-action.decorator.js';
import { AdminGuard } from '../access/admin.guard.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** Injects the OpenAPI document of the mounted controllers. */
export const OPENAPI_DOCUMENT = Symbol('switchyard:openapi-document');

/** Describes the admin API to programs. */
@Controller({ path: 'api/v1', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class OpenApiController {
  constructor(@Inject(OPENAPI_DOCUMENT) private readonly document: object) {}

  @Get('openapi.json')
  @AdminAction('read-openapi', 'viewer', {
    summary: 'This document.',
    topics: 'none',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
  })
  read(): object {
    return this.document;
  }
}
