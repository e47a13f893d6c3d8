import { Controller, Get, Query, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { AuditHistory } from '../../../../core/messaging/dead-letters/audit-history.js';
import { AdminAction } from '../access/admin-action.decorator.js';
import { AdminGuard } from '../access/admin.guard.js';
import { count, openWord, scope, time } from '../http/answers.js';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import { digits, instant, oneOf, parse, text, valid } from '../http/parse.js';
import { ProblemFilter } from '../http/problem.filter.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

const auditQuery = z.strictObject({
  actor: text.optional(),
  action: text.optional(),
  outcome: oneOf(['succeeded', 'failed'] as const).optional(),
  target: text.optional(),
  from: instant.optional(),
  to: instant.optional(),
  limit: valid(
    digits,
    (value) => value >= 1 && value <= MAX_PAGE,
    `must be from 1 to ${MAX_PAGE}`,
  ).optional(),
  cursor: z.string().max(1024).optional(),
});

const auditAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      at: time,
      action: z.string(),
      outcome: openWord(['succeeded', 'failed']),
      actor: z.string(),
      target: z.string().optional().meta({ description: 'What was changed, where that is one thing.' }),
      filter: z.looseObject({}).optional(),
      counts: z.record(z.string(), z.number()).optional(),
      reason: z.string().optional(),
      errorCode: z.string().optional(),
    }),
  ),
  page: z.strictObject({
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Also after an empty page, which ends a long search.' }),
    limit: count,
  }),
  scope,
  missed: count.meta({
    description:
      'Actions of the process that answers that are not in the list, because the store did not take them.',
  }),
});

/** What operators have done, over HTTP. */
@Controller({ path: 'api/v1/audit', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class AuditController {
  constructor(private readonly history: AuditHistory) {}

  @Get()
  @AdminAction('read-audit', 'admin', {
    summary: 'What was changed in the last 30 days: by whom, what, why, and how it ended. Newest first.',
    query: auditQuery,
    answers: { 200: { description: 'A page.', schema: auditAnswer } },
    problems: ['store'],
  })
  async list(@Query() query: Record<string, unknown>): Promise<unknown> {
    const { limit = DEFAULT_PAGE, cursor, target, ...rest } = parse(auditQuery, query);
    const filter = { ...rest, ...(target !== undefined && { id: target }) };
    const owner = { list: 'audit', ...filter };
    const after = cursor === undefined ? undefined : decodeCursor(cursor, owner);
    const { items, next } = await this.history.list(filter, { limit, ...(after !== undefined && { after }) });
    return {
      items: items.map(({ place: _, id, ...record }) => ({
        ...record,
        ...(id !== undefined && { target: id }),
      })),
      page: { nextCursor: next === undefined ? null : encodeCursor(next, owner), limit },
      scope: this.history.scope,
      missed: this.history.missed,
    };
  }
}
