import {
  Body,
  Controller,
  Get,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuditLog } from '../../../../core/messaging/dead-letters/audit-log.js';
import { DeadLetterService } from '../../../../core/messaging/dead-letters/dead-letter.service.js';
import type { Operation, OperationSelection } from '../../../../core/messaging/operations/operation.js';
import { OperationsService } from '../../../../core/messaging/operations/operations.service.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { AdminGuard } from '../access/admin.guard.js';
import { isLimited, refuseUnseenLetter, seesTopic } from '../access/topic-access.js';
import { type AdminIdentity, type AdminRequest, hasRole } from '../admin-authorizer.js';
import { parse, TextPipe } from '../http/parse.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { tagIn } from '../http/tag.js';
import {
  operationAnswer,
  operationItemsAnswer,
  operationListAnswer,
  operationPlanAnswer,
  viewOfItems,
  viewOfOperation,
  viewOfPlan,
} from './operation-answers.js';
import {
  itemsQuery,
  operationBody,
  operationOrderBody,
  operationQuery,
  parseIdempotencyKey,
  parseOperation,
  parseOrder,
} from './operation-requests.js';

const TAGGED = {
  description: 'The operation as it is now.',
  schema: operationAnswer,
  headers: { ETag: 'Its tag, for `If-Match`.' },
};

/** Work on many dead letters: replay, archive, restore, discard. */
@Controller({ path: 'api/v1/operations', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class OperationController {
  constructor(
    private readonly operations: OperationsService,
    private readonly deadLetters: DeadLetterService,
    private readonly adapterHost: HttpAdapterHost,
    private readonly audit: AuditLog,
  ) {}

  @Post()
  @AdminAction('create-operation', 'operator', {
    summary:
      'Replays, archives, restores or discards dead letters; with `dryRun` only counts them. A discard needs the role `admin`. With the header `Idempotency-Key`, a repeated request makes no second operation.',
    topics: 'checked',
    body: operationBody,
    answers: {
      200: { description: 'What the operation would do.', schema: operationPlanAnswer },
      202: {
        description: 'It is stored, and has perhaps ended: `waitMs` waits for that.',
        schema: operationAnswer,
        headers: { Location: 'Where its progress is.', ETag: 'Its tag, for `If-Match`.' },
      },
    },
    problems: ['forbidden', 'notFound', 'conflict', 'invalidOption', 'store', 'audit', 'notRunning'],
  })
  async create(
    @Body() body: unknown,
    @Caller() caller: AdminIdentity,
    @Req() request: AdminRequest,
    @Res() response: object,
  ): Promise<unknown> {
    const { dryRun = false, waitMs = 0, ...rest } = parseOperation(body);
    await this.#refuseUnseen(rest.selection, caller);
    const wanted = { ...rest, actor: caller.subject };
    const { httpAdapter } = this.adapterHost;
    if (dryRun) {
      httpAdapter.status(response, 200);
      return viewOfPlan(await this.operations.plan(wanted));
    }
    if (wanted.kind === 'discard' && !hasRole(caller, 'admin')) throw this.#denied(caller);
    const idempotencyKey = parseIdempotencyKey(request.headers['idempotency-key']);
    const { id } = await this.operations.create({ ...wanted, idempotencyKey });
    const operation = await this.operations.find(id, waitMs);
    httpAdapter.status(response, 202);
    httpAdapter.setHeader(response, 'Location', `${request.url.split('?', 1)[0] ?? ''}/${id}`);
    return this.#tagged(response, operation);
  }

  @Get()
  @AdminAction('list-operations', 'viewer', {
    summary: 'The operations of the last 30 days, newest first; at most 400.',
    topics: 'checked',
    answers: { 200: { description: 'Operations.', schema: operationListAnswer } },
    problems: ['store'],
  })
  async list(@Caller() caller: AdminIdentity): Promise<unknown> {
    const { scope } = this.operations;
    const items = (await this.operations.list()).filter((each) => seesOperation(caller, each));
    return { items: items.map((each) => viewOfOperation(each, scope)), scope };
  }

  @Get(':id')
  @AdminAction('read-operation', 'viewer', {
    summary: 'One operation. With `waitMs` the answer comes when it has ended, or after that time.',
    topics: 'checked',
    query: operationQuery,
    answers: { 200: TAGGED },
    problems: ['notFound', 'store'],
  })
  async read(
    @Param('id', TextPipe) id: string,
    @Query() query: Record<string, unknown>,
    @Caller() caller: AdminIdentity,
    @Res() response: object,
  ): Promise<unknown> {
    const { waitMs = 0 } = parse(operationQuery, query);
    await this.#seen(id, caller);
    return this.#tagged(response, await this.operations.find(id, waitMs));
  }

  @Get(':id/items')
  @AdminAction('list-operation-items', 'viewer', {
    summary: 'The letters of an operation and what became of each, up to 1,000 a page.',
    topics: 'checked',
    query: itemsQuery,
    answers: { 200: { description: 'Letters in the order of the work.', schema: operationItemsAnswer } },
    problems: ['notFound', 'store'],
  })
  async items(
    @Param('id', TextPipe) id: string,
    @Query() query: Record<string, unknown>,
    @Caller() caller: AdminIdentity,
  ): Promise<unknown> {
    await this.#seen(id, caller);
    const { items, next } = await this.operations.items(id, parse(itemsQuery, query).cursor);
    return viewOfItems(items, next);
  }

  // eslint-disable-next-line max-params -- each is injected
  @Patch(':id')
  @AdminAction('change-operation', 'operator', {
    summary:
      'Pauses, resumes or cancels an operation, or changes its rate. With `If-Match` only as it was read.',
    topics: 'checked',
    body: operationOrderBody,
    answers: { 200: TAGGED },
    problems: ['notFound', 'conflict', 'changed', 'invalidOption', 'store', 'audit'],
  })
  async change(
    @Param('id', TextPipe) id: string,
    @Body() body: unknown,
    @Caller() caller: AdminIdentity,
    @Req() request: AdminRequest,
    @Res() response: object,
  ): Promise<unknown> {
    const ifTag = tagIn(request.headers['if-match']);
    await this.#seen(id, caller);
    const order = { ...parseOrder(body), actor: caller.subject, ...(ifTag !== undefined && { ifTag }) };
    return this.#tagged(response, await this.operations.change(id, order));
  }

  #denied({ subject }: AdminIdentity): ProblemError {
    void this.audit.end({
      action: 'discard-operation',
      actor: subject,
      outcome: 'denied',
      errorCode: 'forbidden',
    });
    return new ProblemError(PROBLEM.forbidden, 'A discard needs the role "admin".');
  }

  /** An operation, unless it may take dead letters of topics that the caller does not see: it is unknown then. */
  async #seen(id: string, caller: AdminIdentity): Promise<void> {
    if (!isLimited(caller)) return;
    if (!seesOperation(caller, await this.operations.find(id)))
      throw new MessagingError('NOT_FOUND', `There is no operation ${JSON.stringify(id.slice(0, 80))}.`);
  }

  async #refuseUnseen(selection: OperationSelection, caller: AdminIdentity): Promise<void> {
    if (!isLimited(caller)) return;
    if ('ids' in selection)
      for (const id of selection.ids) refuseUnseenLetter(caller, await this.deadLetters.get(id));
    else if (!seesAll(caller, selection.filter.topic === undefined ? undefined : [selection.filter.topic]))
      throw new ProblemError(
        PROBLEM.forbidden,
        'This caller is limited to some topics. Name one of them in selection.filter.topic.',
      );
  }

  #tagged(response: object, operation: Operation): object {
    this.adapterHost.httpAdapter.setHeader(response, 'ETag', `"${operation.tag}"`);
    return viewOfOperation(operation, this.operations.scope);
  }
}

function seesOperation(caller: AdminIdentity, { topics }: Operation): boolean {
  return seesAll(caller, topics);
}

/** Without topics they may be any. */
function seesAll(caller: AdminIdentity, topics: readonly string[] | undefined): boolean {
  return !isLimited(caller) || (topics?.every((topic) => seesTopic(caller, topic)) ?? false);
}
