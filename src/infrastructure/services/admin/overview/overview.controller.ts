import { Controller, Get, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { AdminAction } from '../access/admin-action.decorator.js';
import { AdminGuard } from '../access/admin.guard.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { overviewAnswer } from './overview-answers.js';
import { OverviewService } from './overview.service.js';

/** The application at a glance, over HTTP. */
@Controller({ path: 'api/v1/overview', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class OverviewController {
  constructor(private readonly overview: OverviewService) {}

  @Get()
  @AdminAction('read-overview', 'viewer', {
    summary: 'The application at a glance. What does not answer in time is named and left out.',
    answers: {
      200: { description: 'State and figures, each with the processes it is about.', schema: overviewAnswer },
    },
  })
  read(): Promise<unknown> {
    return this.overview.read();
  }
}
