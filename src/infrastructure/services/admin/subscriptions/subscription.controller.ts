import {
  Body,
  Controller,
  Get,
  Param,
  Patch,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  type ControlledSubscription,
  SubscriptionControlService,
} from '../../../../core/messaging/control/subscription-control.service.js';
import type { SubscriptionPause, SubscriptionView } from '../../../../core/messaging/messaging.view.js';
import { AdminAction, Caller } from '../access/admin-action.decorator.js';
import { refuseUnseen, seesTopic } from '../access/topic-access.js';
import type { GroupPlace } from '../../../../core/messaging/control/subscription-limits.js';
import { AdminGuard } from '../access/admin.guard.js';
import type { AdminIdentity, AdminRequest } from '../admin-authorizer.js';
import { TextPipe } from '../http/parse.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { tagIn } from '../http/tag.js';
import { subscriptionAnswer, subscriptionListAnswer } from './subscription-answers.js';
import { parseGroupPlace, parseSubscriptionOrder, subscriptionOrderBody } from './subscription-requests.js';

const TAGGED = {
  description: 'The group as it is now.',
  schema: subscriptionAnswer,
  headers: { ETag: 'Its tag, for `If-Match`.' },
};

/** Subscriptions over HTTP: what they do, and pauses and limits while the application runs. */
@Controller({ path: 'api/v1/subscriptions', version: VERSION_NEUTRAL })
@UseGuards(AdminGuard)
@UseFilters(ProblemFilter)
export class SubscriptionController {
  constructor(
    private readonly control: SubscriptionControlService,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get()
  @AdminAction('list-subscriptions', 'viewer', {
    summary: 'The groups that the process has handlers for, and what operators have set for them.',
    topics: 'checked',
    answers: { 200: { description: 'One entry a group.', schema: subscriptionListAnswer } },
  })
  list(@Caller() caller: AdminIdentity): unknown {
    const seen = this.control.list().filter(({ topic }) => seesTopic(caller, topic));
    return { items: seen.map(viewOf) };
  }

  @Get(':topic/:group')
  @AdminAction('read-subscription', 'viewer', {
    summary: 'One group, and what operators have set for it.',
    topics: 'checked',
    answers: { 200: TAGGED },
    problems: ['notFound', 'store', 'transport'],
  })
  async read(
    @Param('topic', TextPipe) topic: string,
    @Param('group', TextPipe) group: string,
    @Caller() caller: AdminIdentity,
    @Res() response: object,
  ): Promise<unknown> {
    return this.#tagged(response, await this.control.find(seenPlace(topic, group, caller)));
  }

  // eslint-disable-next-line max-params -- each is injected
  @Patch(':topic/:group')
  @AdminAction('change-subscription', 'operator', {
    summary: 'Pauses or resumes a group, or limits it. With `If-Match` only as it was read.',
    topics: 'checked',
    body: subscriptionOrderBody,
    answers: { 200: TAGGED },
    problems: ['notFound', 'changed', 'store', 'transport', 'audit'],
  })
  async change(
    @Param('topic', TextPipe) topic: string,
    @Param('group', TextPipe) group: string,
    @Body() body: unknown,
    @Caller() caller: AdminIdentity,
    @Req() request: AdminRequest,
    @Res() response: object,
  ): Promise<unknown> {
    const ifTag = tagIn(request.headers['if-match']);
    const order = {
      ...parseSubscriptionOrder(body),
      actor: caller.subject,
      ...(ifTag !== undefined && { ifTag }),
    };
    return this.#tagged(response, await this.control.change(seenPlace(topic, group, caller), order));
  }

  #tagged(response: object, subscription: ControlledSubscription): object {
    this.adapterHost.httpAdapter.setHeader(response, 'ETag', `"${subscription.tag}"`);
    return viewOf(subscription);
  }
}

/** The group that the path names. One of a topic that the caller does not see is unknown, in the words for one. */
function seenPlace(topic: string, group: string, caller: AdminIdentity): GroupPlace {
  refuseUnseen(caller, topic, `There is no group "${group}" of "${topic}" here.`);
  return parseGroupPlace(topic, group);
}

function viewOf({ topic, group, limits, tag, scope, isCurrent, here }: ControlledSubscription): object {
  const { pause, concurrency, ratePerSecond } = limits;
  return {
    topic,
    group,
    paused: pause !== undefined,
    ...(pause && { pause: viewOfPause(pause) }),
    ...(concurrency !== undefined && { concurrency }),
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    tag,
    scope,
    isCurrent,
    consumers: here.map(viewOfConsumer),
  };
}

function viewOfPause({ reason, by, since, until }: SubscriptionPause): object {
  return { reason, by, since: instant(since), until: instant(until) };
}

function viewOfConsumer({ to, transport, state, active, concurrency, killSwitch }: SubscriptionView): object {
  const { since, ...opened } = killSwitch ?? {};
  return {
    handler: to.handler,
    ...{ transport, state, active, concurrency },
    ...(killSwitch && { killSwitch: { ...opened, ...(since !== undefined && { since: instant(since) }) } }),
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
