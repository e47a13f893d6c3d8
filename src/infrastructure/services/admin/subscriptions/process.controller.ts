import { Body, Controller, HttpCode, Post, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { SubscriptionControlService } from '../../../../core/messaging/control/subscription-control.service.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { AdminGuard } from '../access/admin.guard.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { drainAnswer } from './subscription-answers.js';
import { drainBody, parseDrain } from './subscription-requests.js';

/** The process that answers, over HTTP. */
@Controller({ path: 'api/v1/process', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ProcessController {
  constructor(private readonly control: SubscriptionControlService) {}

  /** Accepted: `GET /subscriptions` of this process shows what still runs. */
  @Post('drain')
  @HttpCode(202)
  @AdminAction('drain-process', 'admin', {
    summary: 'The process that answers consumes nothing more until it ends, and still publishes.',
    body: drainBody,
    answers: { 202: { description: 'Intake ends; handlers that run still finish.', schema: drainAnswer } },
    problems: ['audit'],
  })
  async drain(@Body() body: unknown, @Caller() caller: AdminIdentity): Promise<unknown> {
    await this.control.drainProcess({ ...parseDrain(body), actor: caller.subject });
    return { draining: true, scope: 'process' };
  }
}
