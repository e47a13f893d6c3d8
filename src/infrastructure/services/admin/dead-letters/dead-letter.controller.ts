import {
  Controller,
  Get,
  Inject,
  Param,
  Query,
  Res,
  StreamableFile,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { type AuditedAction, AuditLog } from '../../../../core/messaging/dead-letters/audit-log.js';
import { DeadLetterService } from '../../../../core/messaging/dead-letters/dead-letter.service.js';
import { Redactor } from '../../../../core/messaging/redaction/redactor.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { type AdminIdentity, hasRole } from '../admin-authorizer.js';
import { AdminGuard } from '../access/admin.guard.js';
import { ADMIN_SETTINGS, type AdminSettings } from '../admin.options.js';
import { groupsSeenBy, pageSeenBy } from './topic-limited.js';
import { isLimited, refuseUnseenLetter } from '../access/topic-access.js';
import { encodeCursor } from '../http/cursor.js';
import { deadLetterAnswer, groupsAnswer, listAnswer } from './dead-letter-answers.js';
import type { DeadLetter } from '../../../../core/messaging/ports/dead-letter-store.js';
import {
  type PayloadAccess,
  viewOfDeadLetter,
  viewOfGroup,
  viewOfStorage,
  viewOfSummary,
} from './dead-letter-view.js';
import { groupsQuery, listQuery, parseGroups, parseList } from './filter-schema.js';
import { TextPipe } from '../http/parse.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** Dead letters over HTTP: list, group, show. Operations change them. */
@Controller({ path: 'api/v1', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class DeadLetterController {
  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    private readonly deadLetters: DeadLetterService,
    @Inject(ADMIN_SETTINGS) private readonly settings: AdminSettings,
    private readonly adapterHost: HttpAdapterHost,
    private readonly audit: AuditLog,
    private readonly redactor: Redactor,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
  ) {}

  @Get('dead-letters')
  @AdminAction('list', 'viewer', {
    summary: 'Dead letters, newest first, without payloads.',
    topics: 'checked',
    query: listQuery,
    answers: {
      200: {
        description: 'A page, and how full the store is.',
        schema: listAnswer,
        headers: { Link: 'Address of the next page, relative, where there is one.' },
      },
    },
    problems: ['store'],
  })
  async list(
    @Query() query: Record<string, unknown>,
    @Caller() caller: AdminIdentity,
    @Res() response: object,
  ): Promise<unknown> {
    const { filter, limit, after } = parseList(query);
    const [found, storage] = await Promise.all([
      pageSeenBy(caller, this.deadLetters, filter, { limit, ...(after !== undefined && { after }) }),
      this.#storage(caller),
    ]);
    const nextCursor = found.next === undefined ? null : encodeCursor(found.next, filter);
    if (nextCursor !== null) {
      // Relative, because a proxy may serve this API at another address.
      const next = new URLSearchParams({
        ...(query as Record<string, string>),
        cursor: nextCursor,
      }).toString();
      this.adapterHost.httpAdapter.setHeader(response, 'Link', `<?${next}>; rel="next"`);
    }
    return {
      items: found.items.map((one) => viewOfSummary(one, this.redactor)),
      page: { nextCursor, limit },
      storage,
    };
  }

  @Get('dead-letter-groups')
  @AdminAction('groups', 'viewer', {
    summary: 'Dead letters counted by fingerprint, largest first.',
    topics: 'checked',
    query: groupsQuery,
    answers: { 200: { description: 'Groups, and how full the store is.', schema: groupsAnswer } },
    problems: ['store'],
  })
  async groups(@Query() query: Record<string, unknown>, @Caller() caller: AdminIdentity): Promise<unknown> {
    const { filter, limit } = parseGroups(query);
    const known = new Set([...this.view.topics(), ...this.view.subscriptions().map(({ to }) => to.topic)]);
    const [groups, storage] = await Promise.all([
      groupsSeenBy(caller, this.deadLetters, filter, { limit, known }),
      this.#storage(caller),
    ]);
    return {
      items: groups.map((one) => viewOfGroup(one, this.redactor)),
      page: { nextCursor: null, limit },
      storage,
    };
  }

  @Get('dead-letters/:id')
  @AdminAction('read', 'viewer', {
    summary: 'One dead letter with headers, attempts and stack; its payload as far as the caller may see it.',
    topics: 'checked',
    answers: { 200: { description: 'The dead letter.', schema: deadLetterAnswer } },
    problems: ['badRequest', 'notFound', 'store', 'audit'],
  })
  async get(@Param('id', TextPipe) id: string, @Caller() caller: AdminIdentity): Promise<unknown> {
    const access = this.#payloadAccess(caller);
    const deadLetter = await this.#seen(id, caller);
    if (access === 'raw') await this.#auditRead(id, caller);
    return viewOfDeadLetter(deadLetter, this.redactor, access);
  }

  @Get('dead-letters/:id/payload')
  @AdminAction('read-payload', 'payload:read', {
    summary: 'The bytes of the message, as they arrived.',
    topics: 'checked',
    answers: {
      200: {
        description: 'An attachment.',
        schema: z.string().meta({ contentEncoding: 'binary' }),
        mediaType: 'application/octet-stream',
      },
    },
    problems: ['badRequest', 'payloadsHidden', 'notFound', 'store', 'audit'],
  })
  async payload(@Param('id', TextPipe) id: string, @Caller() caller: AdminIdentity): Promise<StreamableFile> {
    if (!this.settings.allowPayload) {
      void this.audit.end({ ...readingOf(id, caller), outcome: 'denied' });
      throw new ProblemError(PROBLEM.payloadsHidden, 'This application does not show payloads.');
    }
    const deadLetter = await this.#seen(id, caller);
    await this.#auditRead(id, caller);
    return new StreamableFile(deadLetter.body, {
      type: 'application/octet-stream',
      disposition: `attachment; filename="dead-letter-${deadLetter.id.replace(/[^\w-]/g, '')}.bin"`,
      length: deadLetter.body.length,
    });
  }

  async #storage(caller: AdminIdentity): Promise<Record<string, unknown>> {
    const { usage, ...storage } = await this.deadLetters.storageNow();
    // How much there is of all topics together is none of a limited caller's.
    return viewOfStorage({ ...storage, ...(usage && !isLimited(caller) && { usage }) });
  }

  #payloadAccess(caller: AdminIdentity): PayloadAccess {
    if (this.settings.allowPayload && hasRole(caller, 'payload:read')) return 'raw';
    return this.settings.allowMaskedPayload ? 'masked' : 'hidden';
  }

  async #seen(id: string, caller: AdminIdentity): Promise<DeadLetter> {
    const deadLetter = await this.deadLetters.get(id);
    refuseUnseenLetter(caller, deadLetter);
    return deadLetter;
  }

  /** A payload is not shown to anybody whose reading cannot be recorded. */
  async #auditRead(id: string, caller: AdminIdentity): Promise<void> {
    await this.audit.begin(readingOf(id, caller));
    await this.audit.end({ ...readingOf(id, caller), outcome: 'succeeded' });
  }
}

function readingOf(id: string, caller: AdminIdentity): AuditedAction {
  return { action: 'read-payload', actor: caller.subject, id };
}
