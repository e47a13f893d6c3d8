import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SubscriptionControlService } from '../control/subscription-control.service.js';
import { DeadLetterService } from '../dead-letters/dead-letter.service.js';
import { OperationsService } from '../operations/operations.service.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { MESSAGING_CLOCK, MESSAGING_OPTIONS } from '../messaging.tokens.js';
import { MESSAGING_VIEW, type MessagingView } from '../messaging.view.js';
import { ObserverList } from '../observing/observer-list.js';
import { allInside, isComposite } from '../ports/composite-transport.js';
import type { DeadLetterSummary } from '../ports/dead-letter-store.js';
import { type Clock, keepsGroups, type Transport } from '../ports/transport.js';
import { PublishPlanner } from '../publishing/publish-planner.js';
import { findingOfDelivery, findingOfLetter, findingOfPublish, inOrder } from './findings.js';
import { instant, judgeGroup, worstOf } from './group-verdict.js';
import {
  askBacklogs,
  askClaims,
  type AskedBacklogs,
  askInTime,
  askSpools,
  type FoundBacklog,
  MAX_GROUPS,
  rememberedReport,
} from './lookup-sources.js';
import {
  type GroupBacklog,
  type GroupWhereabouts,
  type MessageFinding,
  type MessageWhereabouts,
  type SourceReport,
  type TransportBlindness,
  WHEREABOUTS_STATES,
} from './message-whereabouts.js';
import { RecentDeliveries } from '../observing/recent-deliveries.js';

const MAX_DEAD_LETTERS = 20;
const MAX_TOPICS = 5;

interface Place {
  readonly topic: string;
  readonly group: string;
}

/** What was found, before conclusions. */
interface Found {
  readonly topics: readonly string[];
  readonly published: readonly MessageFinding[];
  readonly isPerhapsSpooled: boolean;
}

/**
 * Answers "Why is this message not done?" from everything that can be asked for one message: publishes and deliveries that this
 * process still remembers, dead letters, the replay, the spool and the backlogs of its groups.
 */
@Injectable()
export class MessageLookupService implements OnModuleInit {
  readonly #deliveries: RecentDeliveries;

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    private readonly planner: PublishPlanner,
    private readonly observers: ObserverList,
    private readonly deadLetters: DeadLetterService,
    private readonly operations: OperationsService,
    private readonly control: SubscriptionControlService,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(MESSAGING_OPTIONS) private readonly options: MessagingModuleOptions,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
  ) {
    this.#deliveries = new RecentDeliveries(clock);
  }

  onModuleInit(): void {
    this.observers.observe(this.#deliveries);
  }

  /**
   * Never rejects because of a source: one that fails, or does not answer within 5 s, is reported, and the others count.
   *
   * @param topic where the message was published to, for the backlogs of one of which nothing else is known.
   * @param sees the topics that count. What is known of the message in others is as unknown.
   */
  async find(
    id: string,
    topic?: string,
    sees: (topic: string) => boolean = () => true,
  ): Promise<MessageWhereabouts> {
    const { view, clock, options } = this;
    const asking = { view, clock, options };
    const isSeen = (one: { readonly topic: string }): boolean => sees(one.topic);
    // Members and not what combines them, which would count the same messages again.
    const brokers = allInside(view.transports()).filter((transport) => !isComposite(transport));
    const published = this.planner.recent.of(id).map(findingOfPublish).filter(isSeen);
    const delivered = this.#deliveries.of(id).map(findingOfDelivery).filter(isSeen);
    const letters = await askInTime(
      { source: 'dead-letters', scope: this.#scopeOfLetters() },
      () => this.deadLetters.list({ messageId: id }, { limit: MAX_DEAD_LETTERS }),
      clock,
    );
    const parked = (letters.answer?.items ?? []).filter(isSeen);
    const findings = inOrder([...published, ...delivered, ...parked.map(findingOfLetter)]);
    const named = [...askedTopic(topic, sees), ...findings.map((one) => one.topic)];
    const topics = [...new Set(named)].slice(0, MAX_TOPICS);
    const asked = await Promise.all(brokers.map((one) => askBacklogs(one, topics, asking)));
    const claimed = await askClaims(id, this.planner.handlersOf(topics), asking);
    const spools = askSpools(view.transports(), published.at(-1), clock);
    const replay = this.#operationOf(parked);
    const isIncomplete = [letters, claimed, ...asked].some(({ report }) => report.status === 'failed');
    const { isPerhapsThere: isPerhapsSpooled } = spools;
    const groups = this.#placesOf(topics, findings, asked).map((place) =>
      judgeGroup({
        ...place,
        findings: findings.filter(isOf(place)),
        backlogs: asked.flatMap(({ found }) => found.filter(isOf(place)).map(withoutPlace)),
        isIncomplete,
        isPerhapsSpooled,
        here: this.control.list().find(isOf(place)),
        claim: [...claimed.claims].find(([entry]) => isOf(place)(entry))?.[1],
        replayId: replay.taken.some(isOf(place)) ? replay.id : undefined,
      }),
    );
    const createdAt = timeOfId(id);
    // A publish is confirmed after its delivery at times, and says less.
    const lastSeen = findings.findLast(({ group }) => group !== undefined) ?? findings.at(-1);
    return {
      id,
      ...answerOf(groups, { topics, published, isPerhapsSpooled }),
      ...(createdAt !== undefined && { createdAt }),
      ...(lastSeen && { lastSeen }),
      findings,
      groups,
      sources: [
        rememberedReport('publishes', published, this.planner.recent.since),
        rememberedReport('deliveries', delivered, this.#deliveries.since),
        { ...letters.report, ...(parked.length > 0 && { status: 'found' }) },
        claimed.report,
        {
          source: 'operations',
          scope: this.operations.scope,
          status: replay.taken.length > 0 ? 'found' : 'nothing',
        },
        ...spools.reports,
        ...asked.map(({ report }) => report),
      ],
      transports: brokers.map(blindnessOf),
    };
  }

  #scopeOfLetters(): SourceReport['scope'] {
    const isOfProcess =
      this.view.localStores().includes('dead-letters') ||
      this.view.transports().every(({ isLocal }) => isLocal === true);
    return isOfProcess ? 'process' : 'shared';
  }

  /** The letters that an operation takes which has not ended. */
  #operationOf(parked: readonly DeadLetterSummary[]): {
    readonly id: string | undefined;
    readonly taken: readonly DeadLetterSummary[];
  } {
    const held = parked.filter((letter) => this.operations.holding(letter) !== undefined);
    return { id: held[0] && this.operations.holding(held[0])?.id, taken: held };
  }

  /** Those that findings name, that have a handler here, and that transports know. */
  #placesOf(
    topics: readonly string[],
    findings: readonly MessageFinding[],
    asked: readonly AskedBacklogs[],
  ): readonly Place[] {
    const places = new Map<string, Place>();
    const add = ({ topic, group }: { readonly topic: string; readonly group?: string }): void => {
      if (group !== undefined && topics.includes(topic)) places.set(`${topic}/${group}`, { topic, group });
    };
    findings.forEach(add);
    for (const { to } of this.view.subscriptions()) add(to);
    for (const { found } of asked) found.forEach(add);
    return [...places.values()].slice(0, MAX_GROUPS);
  }
}

function askedTopic(topic: string | undefined, sees: (topic: string) => boolean): readonly string[] {
  return topic !== undefined && sees(topic) ? [topic] : [];
}

function isOf({ topic, group }: Place) {
  return (one: { readonly topic: string; readonly group?: string }): boolean =>
    one.topic === topic && one.group === group;
}

function withoutPlace({ topic: _, group: __, ...backlog }: FoundBacklog): GroupBacklog {
  return backlog;
}

/** Of all groups. */
function answerOf(
  groups: readonly GroupWhereabouts[],
  { topics, published, isPerhapsSpooled }: Found,
): Pick<MessageWhereabouts, 'state' | 'detail'> {
  const last = published.at(-1);
  if (last?.what === 'not-published' && groups.every(({ state }) => state === 'not-waiting'))
    return {
      state: 'not-published',
      detail: `Its publish to "${last.topic}" failed with ${last.reason} at ${instant(last.at)}: nothing has it. Publish it again.`,
    };
  const worst = worstOf(groups, WHEREABOUTS_STATES);
  if (worst) return { state: worst.state, detail: worst.detail };
  if (isPerhapsSpooled)
    return {
      state: 'perhaps-spooled',
      detail: 'It was spooled, and the spool has not sent everything since.',
    };
  if (topics.length > 0)
    return {
      state: 'unknown',
      detail: `No group of ${topics.map((one) => `"${one}"`).join(', ')} is known here, so nothing handles it.`,
    };
  return {
    state: 'unknown',
    detail:
      'Nothing that can be asked for one message knows it. Name its topic, so that backlogs are looked at; another process may remember its publish or its delivery.',
  };
}

function blindnessOf(transport: Transport): TransportBlindness {
  const { name, system, isLocal = false } = transport;
  return {
    transport: name,
    system,
    unknowable: [
      'It cannot be asked for a message by its id: only how many wait for a group, and how old the oldest is.',
      ...(keepsGroups(transport) ? [] : ['Groups without a handler in this process are not known.']),
      ...(isLocal ? [] : ['What other processes have published, handled or failed is not remembered here.']),
    ],
  };
}

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** A UUIDv7 begins with the time at which it was made. */
function timeOfId(id: string): number | undefined {
  const [, high, low] = UUID_V7.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
