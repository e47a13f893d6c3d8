import { Controller, Get, Param, Query, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { MessageLookupService } from '../../../../core/messaging/lookup/message-lookup.service.js';
import type {
  GroupWhereabouts,
  MessageFinding,
  MessageWhereabouts,
  SourceReport,
} from '../../../../core/messaging/lookup/message-whereabouts.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { topicsOf } from '../access/topic-access.js';
import { AdminGuard } from '../access/admin.guard.js';
import { name, parse, TextPipe } from '../http/parse.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { messageAnswer } from './message-answers.js';

const messageQuery = z.strictObject({ topic: name.optional() });

/** One message over HTTP, by its id: where it is, as far as that can be known. Never its payload. */
@Controller({ path: 'api/v1/messages', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class MessageController {
  constructor(private readonly lookup: MessageLookupService) {}

  @Get(':id')
  @AdminAction('find-message', 'viewer', {
    summary:
      'Why a message is not done: what is known of it, where it was seen last, and what cannot be known.',
    topics: 'checked',
    query: messageQuery,
    answers: { 200: { description: 'What is known, also where that is nothing.', schema: messageAnswer } },
  })
  async read(
    @Param('id', TextPipe) id: string,
    @Query() query: Record<string, unknown>,
    @Caller() caller: AdminIdentity,
  ): Promise<unknown> {
    const { topic } = parse(messageQuery, query);
    return viewOf(await this.lookup.find(id, topic, topicsOf(caller)));
  }
}

function viewOf(found: MessageWhereabouts): object {
  const { createdAt, lastSeen, findings, groups, sources, ...rest } = found;
  return {
    ...rest,
    createdAt: instant(createdAt),
    ...(lastSeen && { lastSeen: viewOfFinding(lastSeen) }),
    findings: findings.map(viewOfFinding),
    groups: groups.map(viewOfGroup),
    sources: sources.map(viewOfSource),
  };
}

function viewOfFinding({ at, dueAt, ...rest }: MessageFinding): object {
  return { ...rest, at: instant(at), dueAt: instant(dueAt) };
}

function viewOfGroup({ at, ...rest }: GroupWhereabouts): object {
  return { ...rest, at: instant(at) };
}

function viewOfSource({ since, ...rest }: SourceReport): object {
  return { ...rest, since: instant(since) };
}

/** RFC 3339 in UTC; undefined is left out of the JSON. */
function instant(ms: number | undefined): string | undefined {
  return ms !== undefined && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
