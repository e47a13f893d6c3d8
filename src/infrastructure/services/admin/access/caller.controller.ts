import { All, Controller, Get, Inject, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { AdminAction, Caller } from './admin-action.decorator.js';
import { type AdminIdentity, hasRole } from '../admin-authorizer.js';
import { AdminGuard } from './admin.guard.js';
import { ADMIN_SETTINGS, type AdminSettings } from '../admin.options.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** One for each number of segments: Express and Fastify write wildcards differently, and one refuses the other's. */
const EVERY_ADDRESS = [1, 2, 3, 4, 5, 6].map((segments) =>
  Array.from({ length: segments }, (_, nth) => `:segment${nth}`).join('/'),
);

const meAnswer = z.strictObject({
  subject: z.string(),
  roles: z.array(z.string()),
  topics: z.array(z.string()).optional().meta({ description: 'Absent for all.' }),
  permissions: z.strictObject({
    view: z.boolean(),
    replay: z.boolean(),
    archive: z.boolean(),
    discard: z.boolean(),
    readPayload: z.boolean(),
    readMaskedPayload: z.boolean(),
  }),
});

/** The identity of the caller, and 404 for every unknown address. Registered after all other controllers. */
@Controller({ path: 'api/v1', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class CallerController {
  constructor(@Inject(ADMIN_SETTINGS) private readonly settings: AdminSettings) {}

  /** Subject, roles and permissions, so that a user interface can show which actions are denied and why. */
  @Get('me')
  @AdminAction('me', 'viewer', {
    summary: 'Subject, roles, topics and permissions of the caller.',
    topics: 'none',
    answers: { 200: { description: 'What the caller may do.', schema: meAnswer } },
  })
  me(@Caller() caller: AdminIdentity): unknown {
    return {
      subject: caller.subject,
      roles: caller.roles,
      ...(caller.topics && { topics: caller.topics }),
      permissions: {
        view: hasRole(caller, 'viewer'),
        replay: hasRole(caller, 'operator'),
        archive: hasRole(caller, 'operator'),
        discard: hasRole(caller, 'admin'),
        readPayload: this.settings.allowPayload && hasRole(caller, 'payload:read'),
        readMaskedPayload: this.settings.allowMaskedPayload,
      },
    };
  }

  @All(EVERY_ADDRESS)
  @AdminAction('unknown', 'viewer', undefined)
  nothing(): never {
    throw new ProblemError(PROBLEM.notFound, 'There is nothing at this address.');
  }
}
