import { Controller, Get, Req, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { z } from 'zod';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { isLimited, topicsOf } from '../access/topic-access.js';
import { AdminGuard } from '../access/admin.guard.js';
import { type AdminIdentity, type AdminRequest, hasRole } from '../admin-authorizer.js';
import { EventStream } from '../http/event-stream.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { EventService } from './event.service.js';

const eventHeaders = z.strictObject({
  'Last-Event-ID': z.string().optional().meta({ description: 'Id of the last event that was received.' }),
});

const DESCRIPTION =
  'Server-sent events without payloads: `dead-letter`, `transport`, `subscription`, `kill-switch`, for admins ' +
  '`audit`; `hello` and `ready` at the beginning, `missed` where some are lost, `closed` with the reason at the end. ' +
  'Open: a minor version may add events.';

/** What happens in this process, as it happens, over HTTP. */
@Controller({ path: 'api/v1/events', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class EventController {
  constructor(private readonly events: EventService) {}

  @Get()
  @AdminAction('watch-events', 'viewer', {
    summary: 'What happens in this process, as server-sent events. Continues after `Last-Event-ID`.',
    topics: 'checked',
    headers: eventHeaders,
    answers: {
      200: {
        description: DESCRIPTION,
        schema: z.string(),
        mediaType: 'text/event-stream',
      },
    },
    problems: ['tooManyWatchers', 'notRunning'],
  })
  watch(@Req() request: AdminRequest, @Caller() caller: AdminIdentity): EventStream {
    const { feed } = this.events;
    if (feed.isClosed) throw new ProblemError(PROBLEM.notRunning, 'The application is stopping.');
    if (feed.isFull)
      throw new ProblemError(
        PROBLEM.tooManyWatchers,
        `There are ${feed.watchers} watchers. Try again later.`,
      );
    const lastId = request.headers['last-event-id'];
    return new EventStream((sink) =>
      feed.watch(sink, {
        isAdmin: hasRole(caller, 'admin'),
        sees: isLimited(caller) ? topicsOf(caller) : undefined,
        lastId: typeof lastId === 'string' && lastId !== '' ? lastId : undefined,
      }),
    );
  }
}
