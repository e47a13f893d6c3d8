import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { AnyMessageType } from '../../../../core/messaging/message/message-type.js';
import { isRequestType } from '../../../../core/messaging/message/request-type.js';
import { DEAD_LETTER_STORE } from '../../../../core/messaging/messaging.tokens.js';
import { MESSAGING_VIEW, type MessagingView } from '../../../../core/messaging/messaging.view.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { DeadLetterStore } from '../../../../core/messaging/ports/dead-letter-store.js';
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { keepsGroups } from '../../../../core/messaging/ports/transport.js';
import { RoutingTable } from '../../../../core/messaging/routing/routing-table.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { TopicTraffic } from '../../checks/topic-traffic.js';
import { timeOf } from '../http/answers.js';
import { jsonSchemaOf } from './json-schema.js';
import type { TopicDetails, TopicView } from './topic-answers.js';

/** For each question to a store or a broker. */
const DEADLINE_MS = 2_000;
const MAX_GROUPS = 200;

/** Describes the topics that this process knows: its message types, and what it publishes and handles. */
@Injectable()
export class TopicService implements OnModuleInit, OnModuleDestroy {
  readonly #traffic = new TopicTraffic(systemClock);
  #ignore = (): void => undefined;

  constructor(
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(DEAD_LETTER_STORE) private readonly store: DeadLetterStore,
  ) {}

  onModuleInit(): void {
    this.#ignore = this.view.observe(this.#traffic);
  }

  onModuleDestroy(): void {
    this.#ignore();
  }

  /** In the order of their names. */
  names(): readonly string[] {
    return [...new Set([...this.view.topics(), ...this.#traffic.topics()])].sort();
  }

  describe(topic: string): TopicView {
    const { type, aliasOf } = this.#typeOf(topic);
    const transport = new RoutingTable(this.view.routes()).resolve(topic);
    return {
      topic,
      ...describeType(type),
      ...(aliasOf !== undefined && { aliasOf }),
      ...(transport !== undefined && { transport }),
      handlers: this.view
        .subscriptions()
        .filter(({ to }) => to.topic === topic)
        .map(({ to, transport: name, ordering, concurrency, state }) => ({
          ...{ handler: to.handler, group: to.group, transport: name, ordering, concurrency, state },
        })),
      traffic: this.#trafficOf(topic),
    };
  }

  /** With what stores and brokers know. Resolves in time, whatever does not answer, and never rejects. */
  async details(topic: string): Promise<TopicDetails> {
    const [groups, deadLetters] = await Promise.all([this.#groupsOf(topic), this.#deadLettersOf(topic)]);
    return { ...this.describe(topic), ...groups, deadLetters };
  }

  async #groupsOf(topic: string): Promise<Pick<TopicDetails, 'groups' | 'unanswered'>> {
    const unanswered: string[] = [];
    const found = await Promise.all(
      this.view.transports().map(async (transport) => {
        if (!keepsGroups(transport)) return [];
        try {
          const groups = await inTime(async () => transport.groups(topic));
          return groups.map(({ group, isConsumed, backlog }) => ({
            ...{ transport: transport.name, group, isConsumed },
            ...backlog,
          }));
        } catch {
          unanswered.push(transport.name);
          return [];
        }
      }),
    );
    return { groups: found.flat().slice(0, MAX_GROUPS), unanswered };
  }

  async #deadLettersOf(topic: string): Promise<TopicDetails['deadLetters']> {
    const scope = this.store.isLocal === true ? 'process' : 'shared';
    try {
      const stock = (await inTime(async () => this.store.stats())).filter((one) => one.topic === topic);
      const sum = (counts: typeof stock): number => counts.reduce((total, { count }) => total + count, 0);
      return { scope, total: sum(stock), pending: sum(stock.filter(({ status }) => status === 'failed')) };
    } catch (error) {
      return { scope, errorCode: errorCodeOf(error) };
    }
  }

  #typeOf(topic: string): { readonly type?: AnyMessageType | undefined; readonly aliasOf?: string } {
    const type = this.view.messageType(topic);
    if (type) return { type };
    for (const name of this.view.topics()) {
      const other = this.view.messageType(name);
      if (other?.aliases.includes(topic)) return { type: other, aliasOf: name };
    }
    return {};
  }

  #trafficOf(topic: string): TopicView['traffic'] {
    const { lastPublishedAt, lastHandledAt, ...counts } = this.#traffic.of(topic);
    return {
      scope: 'process',
      ...counts,
      ...(lastPublishedAt !== undefined && { lastPublishedAt: timeOf(lastPublishedAt) }),
      ...(lastHandledAt !== undefined && { lastHandledAt: timeOf(lastHandledAt) }),
    };
  }
}

type TypeView = Pick<
  TopicView,
  | 'kind'
  | 'aliases'
  | 'hasKey'
  | 'ordering'
  | 'version'
  | 'schema'
  | 'schemaMissing'
  | 'replySchema'
  | 'replySchemaMissing'
>;

function describeType(type: AnyMessageType | undefined): TypeView {
  if (!type)
    return { kind: 'untyped', aliases: [], hasKey: false, ordering: 'none', schemaMissing: 'untyped' };
  const { aliases, key, ordering = 'none', version, schema } = type;
  return {
    kind: isRequestType(type) ? 'request' : 'message',
    aliases: [...aliases],
    hasKey: key !== undefined,
    ordering,
    ...(version !== undefined && { version }),
    ...schemaOf(schema),
    ...(isRequestType(type) && replySchemaOf(type.output)),
  };
}

function schemaOf(schema: AnyMessageType['schema']): Pick<TypeView, 'schema' | 'schemaMissing'> {
  const view = jsonSchemaOf(schema);
  return 'schema' in view ? { schema: { ...view.schema } } : view;
}

function replySchemaOf(
  schema: AnyMessageType['schema'],
): Pick<TypeView, 'replySchema' | 'replySchemaMissing'> {
  const view = jsonSchemaOf(schema);
  return 'schema' in view ? { replySchema: { ...view.schema } } : { replySchemaMissing: view.schemaMissing };
}

function inTime<T>(ask: () => Promise<T>): Promise<T> {
  const late = (): Error => new MessagingError('DEADLINE_EXCEEDED', 'There was no answer in time.');
  return withDeadline(ask(), DEADLINE_MS, late, systemClock);
}
