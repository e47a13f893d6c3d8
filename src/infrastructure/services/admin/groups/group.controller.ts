import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Query,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { AuditLog } from '../../../../core/messaging/dead-letters/audit-log.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import {
  type GroupKeeper,
  type GroupState,
  keepsGroups,
  type Transport,
} from '../../../../core/messaging/ports/transport.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { refuseUnseen, topicsOf } from '../access/topic-access.js';
import { AdminGuard } from '../access/admin.guard.js';
import { groupListAnswer } from './group-answers.js';
import { groupListQuery, groupRemovalQuery, parseGroupList, parseGroupRemoval } from './group-requests.js';
import { answered } from '../http/answered.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';

/** Most topics that are queried when the request names none. */
const MAX_TOPICS = 200;

/** Consumer groups over HTTP: list them with their backlogs, and remove forgotten ones. */
@Controller({ path: 'api/v1/groups', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class GroupController {
  constructor(
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @AdminAction('list-groups', 'viewer', {
    summary: 'Consumer groups with their backlogs.',
    topics: 'checked',
    query: groupListQuery,
    answers: { 200: { description: 'Groups of every transport that keeps them.', schema: groupListAnswer } },
    problems: ['transport'],
  })
  async list(@Query() query: Record<string, unknown>, @Caller() caller: AdminIdentity): Promise<unknown> {
    const { topic } = parseGroupList(query);
    const seen = (topic === undefined ? this.#topics() : [topic]).filter(topicsOf(caller));
    const topics = seen.slice(0, MAX_TOPICS);
    const items: object[] = [];
    for (const transport of this.#keepers()) {
      for (const each of topics) {
        const groups = await answered(transport.groups(each));
        items.push(...groups.map((group) => viewOf(transport.name, each, group)));
      }
    }
    return { items };
  }

  @Delete()
  @HttpCode(204)
  @AdminAction('remove-group', 'admin', {
    summary: 'Removes a group without consumers, permanently.',
    topics: 'checked',
    query: groupRemovalQuery,
    answers: { 204: { description: 'It is removed, with everything that it had not settled.' } },
    problems: ['notFound', 'conflict', 'transport', 'audit'],
  })
  async remove(@Query() query: Record<string, unknown>, @Caller() caller: AdminIdentity): Promise<void> {
    const { transport, topic, group, reason } = parseGroupRemoval(query);
    const id = `${transport}/${topic}/${group}`;
    const action = {
      action: 'remove-group',
      actor: caller.subject,
      id,
      ...(reason !== undefined && { reason }),
    };
    const unknown = `There is no group "${group}" of "${topic}" there.`;
    await this.audit.change(action, async () => {
      refuseUnseen(caller, topic, unknown);
      const keeper = this.#keepers().find(({ name }) => name === transport);
      if (!keeper || !(await answered(keeper.removeGroup(topic, group))))
        throw new ProblemError(PROBLEM.notFound, unknown);
    });
  }

  #keepers(): readonly (Transport & GroupKeeper)[] {
    return this.view.transports().filter((transport) => keepsGroups(transport));
  }

  #topics(): readonly string[] {
    return [...new Set([...this.view.topics(), ...this.view.subscriptions().map(({ to }) => to.topic)])];
  }
}

function viewOf(transport: string, topic: string, { group, isConsumed, backlog }: GroupState): object {
  return { transport, topic, group, isConsumed, ...backlog };
}
