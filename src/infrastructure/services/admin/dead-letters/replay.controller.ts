import {
  Body,
  Controller,
  Delete,
  Get,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DeadLetterService } from '../../../../core/messaging/dead-letters/dead-letter.service.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import type { AdminIdentity, AdminRequest } from '../admin-authorizer.js';
import { isLimited, seesTopic } from '../access/topic-access.js';
import type { ReplayProgress } from '../../../../core/messaging/dead-letters/replay-run.js';
import { AdminGuard } from '../access/admin.guard.js';
import { planAnswer, progressAnswer } from './dead-letter-answers.js';
import { viewOfPlan, viewOfProgress } from './dead-letter-view.js';
import { parseReason, parseReplayMatching, reasonBody, replayMatchingBody } from './filter-schema.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** The replay of all dead letters that match a filter: start, progress, cancel. */
@Controller({ path: 'api/v1/dead-letters/replay', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class ReplayController {
  constructor(
    private readonly deadLetters: DeadLetterService,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Post()
  @AdminAction('replay-matching', 'operator', {
    summary: 'Replays all dead letters that match a filter, oldest first; with `dryRun` only counts them.',
    topics: 'checked',
    body: replayMatchingBody,
    answers: {
      200: { description: 'What a replay that begins now would do.', schema: planAnswer },
      202: {
        description: 'It has begun.',
        schema: progressAnswer,
        headers: { Location: 'Where its progress is.' },
      },
    },
    problems: ['conflict', 'invalidOption', 'store', 'audit', 'notRunning'],
  })
  async start(
    @Body() body: unknown,
    @Caller() caller: AdminIdentity,
    @Req() request: AdminRequest,
    @Res() response: object,
  ): Promise<unknown> {
    const { filter, dryRun, ...options } = parseReplayMatching(body);
    refuseUnseenTopic(caller, filter.topic);
    const actor = caller.subject;
    const { httpAdapter } = this.adapterHost;
    if (dryRun === true) {
      httpAdapter.status(response, 200);
      return viewOfPlan(await this.deadLetters.replayMatching(filter, { ...options, actor, dryRun }));
    }
    const progress = await this.deadLetters.replayMatching(filter, { ...options, actor, dryRun: false });
    httpAdapter.status(response, 202);
    httpAdapter.setHeader(response, 'Location', request.url.split('?', 1)[0] ?? '');
    return viewOfProgress(progress);
  }

  @Get()
  @AdminAction('watch-replay', 'viewer', {
    summary: 'The running or last replay of this process.',
    topics: 'checked',
    answers: { 200: { description: 'How far it has come.', schema: progressAnswer } },
    problems: ['notFound'],
  })
  current(@Caller() caller: AdminIdentity): unknown {
    const progress = this.#seen(caller);
    if (progress) return viewOfProgress(progress);
    throw new ProblemError(PROBLEM.notFound, 'No replay was started in this process.');
  }

  @Delete()
  @AdminAction('cancel-replay', 'operator', {
    summary: 'Cancels the running replay.',
    topics: 'checked',
    body: reasonBody,
    answers: { 200: { description: 'How far it had come.', schema: progressAnswer } },
    problems: ['notFound', 'conflict', 'audit'],
  })
  async cancel(@Body() body: unknown, @Caller() caller: AdminIdentity): Promise<unknown> {
    const reason = parseReason(body);
    if (isLimited(caller) && !this.#seen(caller))
      throw new ProblemError(PROBLEM.notFound, 'No replay is running.');
    return viewOfProgress(await this.deadLetters.cancelReplay({ ...reason, actor: caller.subject }));
  }

  /** The replay, unless it takes dead letters of topics that the caller does not see. */
  #seen(caller: AdminIdentity): ReplayProgress | undefined {
    const progress = this.deadLetters.currentReplay();
    return progress && seesFilter(caller, progress.filter.topic) ? progress : undefined;
  }
}

function seesFilter(caller: AdminIdentity, topic: string | undefined): boolean {
  return !isLimited(caller) || (topic !== undefined && seesTopic(caller, topic));
}

function refuseUnseenTopic(caller: AdminIdentity, topic: string | undefined): void {
  if (!seesFilter(caller, topic))
    throw new ProblemError(
      PROBLEM.forbidden,
      'This caller is limited to some topics. Name one of them in filter.topic.',
    );
}
