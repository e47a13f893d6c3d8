import { MessagingConfigurationError, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { assertName } from '../../../../core/messaging/ports/names.js';
import type {
  Backlog,
  Consumer,
  Durability,
  OnDelivery,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  TransportProblem,
} from '../../../../core/messaging/ports/transport.js';
import type { Inbox, OnReply, Replies } from '../../../../core/messaging/ports/replies.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { ConnectionEvents } from './connection-events.js';
import type { Member } from './member.js';
import { MemberConsumers } from './member-consumers.js';
import { isSubscribedOn, MemberInboxes, replyOver } from './member-inboxes.js';

const WEAKEST_FIRST: readonly Durability[] = ['memory', 'acknowledged', 'replicated'];

/** @throws MessagingConfigurationError unless there are two members or more, each once. */
export function assertMembers(name: string, transports: readonly Transport[]): void {
  if (transports.length < 2 || new Set(transports).size < transports.length)
    throw new MessagingConfigurationError([`"${name}" needs two members or more, each once.`]);
}

/** The weakest of the members, which is what a message is sure of. */
export function durabilityOf(transports: readonly Transport[]): Durability {
  return WEAKEST_FIRST.find((level) => transports.some((one) => one.durability === level)) ?? 'memory';
}

/** Proves that one of them works. All are asked at once, because an unreachable one may take long to fail. */
export async function anyOf(members: readonly Member[]): Promise<void> {
  try {
    await Promise.any(members.map(({ transport }) => transport.ping()));
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
}

/** Transports that act as one are connected while some member works. */
export function anyWorks(members: readonly Pick<Member, 'isHealthy'>[]): boolean {
  return members.some(({ isHealthy }) => isHealthy);
}

/** What transports that act as one share, except the choice of the member that is published to. */
export class MemberGroup {
  readonly #consumers = new Set<Consumer>();
  readonly #inboxes = new Set<MemberInboxes>();
  readonly #problems: ProblemList;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly members: readonly Member[],
    private readonly events: ConnectionEvents,
    private readonly context: TransportContext,
  ) {
    this.#problems = new ProblemList((event) => context.onEvent(event));
  }

  problems(): readonly TransportProblem[] {
    return this.#problems.all();
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves when one member is connected; the others are tried again by themselves. */
  async connect(): Promise<void> {
    if (this.#closing) throw this.closedError();
    if (this.events.isConnected) return;
    const results = await Promise.allSettled(this.members.map((member) => member.connect()));
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as Error] : [],
    );
    if (errors.length === results.length) throw errors[0] ?? this.closedError();
    this.events.report(anyWorks(this.members), undefined);
  }

  /** From every member, for ever. */
  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const consumers = new MemberConsumers(subscription, onDelivery, this.context, this.#problems);
    await consumers.start(this.members);
    this.#consumers.add(consumers);
    return { stop: () => consumers.stop().finally(() => this.#consumers.delete(consumers)) };
  }

  async openInbox(onReply: OnReply): Promise<Inbox> {
    if (this.#closing) throw this.closedError();
    const inboxes = new MemberInboxes(onReply, this.context);
    await inboxes.open(this.members);
    this.#inboxes.add(inboxes);
    return inboxes;
  }

  async reply(...call: Parameters<Replies['reply']>): Promise<PublishOutcome> {
    if (this.#closing) return { kind: 'unavailable', error: this.closedError() };
    return replyOver(this.members, this.context.name, call);
  }

  /** Where one member knows a group, a request is handled, because its handler consumes from all. */
  async isSubscribed(topic: string): Promise<boolean> {
    return isSubscribedOn(this.members, topic);
  }

  /** Over all members that answer. Rejects when none does. */
  async backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const answers = await Promise.allSettled(this.members.map(({ transport }) => transport.backlog(of)));
    const known = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (known.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
    const sum = (part: 'ready' | 'inFlight' | 'delayed'): number =>
      known.reduce((total, backlog) => total + backlog[part], 0);
    const ages = known.flatMap(({ oldestAgeMs }) => (oldestAgeMs === undefined ? [] : [oldestAgeMs]));
    const counts = { ready: sum('ready'), inFlight: sum('inFlight'), delayed: sum('delayed') };
    return ages.length === 0 ? counts : { ...counts, oldestAgeMs: Math.max(...ages) };
  }

  /** Proves that one member works. */
  async ping(): Promise<void> {
    if (this.#closing) throw this.closedError();
    await anyOf(this.members);
  }

  close(): Promise<void> {
    this.events.closing();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.context.name}" is closed.`);
  }

  async #close(): Promise<void> {
    for (const consumers of this.#consumers) void consumers.stop(); // no more tries; members wait for what is in flight
    for (const inboxes of this.#inboxes) void inboxes.close();
    await Promise.all(this.members.map((member) => member.close()));
    this.events.closed();
  }
}
