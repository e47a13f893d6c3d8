import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import {
  allInside,
  isComposite,
  type Override,
} from '../../../../core/messaging/ports/composite-transport.js';
import { AuditLog } from '../../../../core/messaging/dead-letters/audit-log.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import { keepsMessages, type Transport } from '../../../../core/messaging/ports/transport.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { isLimited, seesTopic } from '../access/topic-access.js';
import { AdminGuard } from '../access/admin.guard.js';
import { answered } from '../http/answered.js';
import { TextPipe } from '../http/parse.js';
import { PROBLEM, ProblemError } from '../http/problem.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { actionAnswer, transportAnswer, transportListAnswer } from './transport-answers.js';
import { parseTransportOrder, type Release, transportOrderBody } from './transport-requests.js';

/** Transports over HTTP: the state of composites and their members, and temporary operator overrides. */
@Controller({ path: 'api/v1/transports', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class TransportController {
  constructor(
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @AdminAction('list-transports', 'viewer', {
    summary: 'Every transport; composites with the state of their members.',
    topics: 'none',
    answers: { 200: { description: 'Transports, also members of others.', schema: transportListAnswer } },
  })
  list(): unknown {
    return { items: this.#all().map(viewOf) };
  }

  @Get(':name')
  @AdminAction('read-transport', 'viewer', {
    summary: 'One transport, with messages that it keeps outside of groups.',
    topics: 'checked',
    answers: { 200: { description: 'The transport.', schema: transportAnswer } },
    problems: ['badRequest', 'notFound', 'transport'],
  })
  async read(@Param('name', TextPipe) name: string, @Caller() caller: AdminIdentity): Promise<unknown> {
    const transport = this.#find(name);
    if (!keepsMessages(transport)) return viewOf(transport);
    const kept = await answered(transport.kept());
    // Of some it is not known which topic they are of.
    const seen = kept.filter(
      ({ topic }) => !isLimited(caller) || (topic !== undefined && seesTopic(caller, topic)),
    );
    return { ...viewOf(transport), kept: seen };
  }

  @Post(':name/actions')
  @HttpCode(200)
  @AdminAction('override-transport', 'admin', {
    summary: 'Overrides a composite for a time, or releases kept messages.',
    body: transportOrderBody,
    answers: {
      200: { description: 'The transport as it is then, or how many were released.', schema: actionAnswer },
    },
    problems: ['notFound', 'conflict', 'invalidOption', 'transport', 'audit'],
  })
  async act(
    @Param('name', TextPipe) name: string,
    @Body() body: unknown,
    @Caller() caller: AdminIdentity,
  ): Promise<unknown> {
    const { order, reason } = parseTransportOrder(body);
    const id = [
      name,
      ...('member' in order ? [order.member] : []),
      ...('place' in order ? [order.place] : []),
    ];
    const action = { action: order.action, actor: caller.subject, id: id.join('/'), reason };
    return this.audit.change(action, async () => carryOut(this.#find(name), order));
  }

  /** Also members, because a member may be a composite. */
  #all(): readonly Transport[] {
    return allInside(this.view.transports());
  }

  #find(name: string): Transport {
    const found = this.#all().find((transport) => transport.name === name);
    if (!found) throw new ProblemError(PROBLEM.notFound, `There is no transport "${name}".`);
    return found;
  }
}

async function carryOut(transport: Transport, order: Override | Release): Promise<object> {
  const { name } = transport;
  if (order.action === 'release') {
    if (!keepsMessages(transport))
      throw new ProblemError(PROBLEM.invalidOption, `"${name}" keeps no messages outside of its groups.`);
    return { released: await answered(transport.release(order.place, order.to)) };
  }
  if (!isComposite(transport))
    throw new ProblemError(PROBLEM.invalidOption, `"${name}" does not combine other transports.`);
  transport.override(order);
  return viewOf(transport);
}

function viewOf(transport: Transport): object {
  const { name, system, durability } = transport;
  return { name, system, durability, ...(isComposite(transport) ? transport.state() : {}) };
}
