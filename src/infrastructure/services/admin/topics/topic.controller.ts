import { Controller, Get, Param, Query, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { refuseUnseen, topicsOf } from '../access/topic-access.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { AdminGuard } from '../access/admin.guard.js';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import { digits, parse, TextPipe, valid } from '../http/parse.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { topicAnswer, topicListAnswer } from './topic-answers.js';
import { TopicService } from './topic.service.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;
const UNKNOWN = 'This process knows no such topic.';

const topicListQuery = z.strictObject({
  limit: valid(
    digits,
    (value) => value >= 1 && value <= MAX_PAGE,
    `must be from 1 to ${MAX_PAGE}`,
  ).optional(),
  cursor: z.string().max(1024).optional(),
});

/** The topics that the process knows, over HTTP. */
@Controller({ path: 'api/v1/topics', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class TopicController {
  constructor(private readonly topics: TopicService) {}

  @Get()
  @AdminAction('list-topics', 'viewer', {
    summary:
      'The topics that the process knows, by name: schema, route, handlers, and what it has published.',
    topics: 'checked',
    query: topicListQuery,
    answers: { 200: { description: 'A page.', schema: topicListAnswer } },
  })
  list(@Query() query: Record<string, unknown>, @Caller() caller: AdminIdentity): unknown {
    const { limit = DEFAULT_PAGE, cursor } = parse(topicListQuery, query);
    const after = cursor === undefined ? '' : decodeCursor(cursor, LIST);
    const names = this.topics
      .names()
      .filter((name) => name > after)
      .filter(topicsOf(caller));
    const page = names.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = names.length > limit && last !== undefined ? encodeCursor(last, LIST) : null;
    return { items: page.map((name) => this.topics.describe(name)), page: { nextCursor, limit } };
  }

  @Get(':topic')
  @AdminAction('read-topic', 'viewer', {
    summary: 'One topic, with its groups on brokers and its dead letters.',
    topics: 'checked',
    answers: {
      200: { description: 'The topic. What does not answer in time is named.', schema: topicAnswer },
    },
    problems: ['badRequest', 'notFound'],
  })
  async read(@Param('topic', TextPipe) topic: string, @Caller() caller: AdminIdentity): Promise<unknown> {
    refuseUnseen(caller, topic, UNKNOWN);
    if (!this.topics.names().includes(topic)) throw new ProblemError(PROBLEM.notFound, UNKNOWN);
    return this.topics.details(topic);
  }
}

/** What its cursors belong to. */
const LIST = { list: 'topics' };
