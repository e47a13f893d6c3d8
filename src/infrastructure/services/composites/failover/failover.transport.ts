import type {
  Composite,
  CompositeState,
  Override,
} from '../../../../core/messaging/ports/composite-transport.js';
import type {
  Backlog,
  Consumer,
  Destination,
  Durability,
  OnDelivery,
  ProblemReporter,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  TransportProblem,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Inbox, OnReply, Replies } from '../../../../core/messaging/ports/replies.js';
import { ConnectionEvents } from '../members/connection-events.js';
import type { FailoverOptions } from './failover.options.js';
import { assertMembers, durabilityOf, MemberGroup } from '../members/member-group.js';
import type { Member } from '../members/member.js';
import { Members } from './failover-members.js';
import { memberOf, overrideMember } from '../members/overrides.js';
import { tryInOrder, type PublishPolicy } from '../members/try-in-order.js';
import { publishGrouped } from '../members/publish-grouped.js';
import { isStrict, waitingFor } from '../members/strict-order.js';
import { SwitchLog } from '../members/switch-log.js';

/**
 * Several transports as one: publishes on the first that works, consumes from all.
 *
 * It owns its members: it connects and closes them.
 */
export class FailoverTransport implements Transport, Composite, Replies, ProblemReporter {
  readonly name: string;
  readonly system = 'failover';
  readonly durability: Durability;
  readonly #members: Members;
  readonly #policy: PublishPolicy;
  readonly #group: MemberGroup;
  readonly #switches: SwitchLog;

  /** @throws MessagingConfigurationError unless there are two members or more, each once. */
  constructor(transports: readonly Transport[], options: FailoverOptions, context: TransportContext) {
    this.name = context.name;
    assertMembers(this.name, transports);
    this.#switches = new SwitchLog(context);
    this.#policy = { ...options, clock: context.clock };
    this.durability = durabilityOf(transports);
    const events = new ConnectionEvents(context);
    this.#members = new Members(transports, options, context.clock, {
      switched: (from, to, why) => this.#switches.record(from.name, to.name, why),
      changed: (isAnyWorking, cause) => events.report(isAnyWorking, cause),
    });
    this.#group = new MemberGroup(this.#members.all, events, context);
  }

  /** Name of the member that is published to now. */
  get active(): string {
    return this.#members.active.name;
  }

  state(): CompositeState {
    const members = this.#members.all.map((member) => member.state);
    return { active: [this.active], members, ...this.#switches.state };
  }

  problems(): readonly TransportProblem[] {
    return this.#group.problems();
  }

  members(): readonly Transport[] {
    return this.#members.all.map(({ transport }) => transport);
  }

  override(override: Override): void {
    const { all } = this.#members;
    if (override.action !== 'use') overrideMember(override, this.name, all);
    else this.#members.pin(memberOf(override.member, this.name, all), override.forMs);
  }

  /** Resolves when one member is connected; the others are tried again by themselves. */
  connect(): Promise<void> {
    return this.#group.connect();
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#group.isClosing)
      return messages.map(() => ({ kind: 'unavailable', error: this.#group.closedError() }));
    if (messages.length === 0) return [];
    const send = (
      turns: readonly Member[],
      some: readonly WireMessage[],
    ): Promise<readonly PublishOutcome[]> => tryInOrder(turns, { to, messages: some, options }, this.#policy);
    if (options.ordering !== 'strict') return send(this.#members.candidates(), messages);
    return publishGrouped(
      messages,
      (message) => isStrict(message, options),
      async (mustStay, some) => {
        const { pinned: home } = this.#members;
        if (!mustStay) return send(this.#members.candidates(), some);
        return home.isHealthy ? send([home], some) : waitingFor(home, some);
      },
    );
  }

  consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    return this.#group.consume(subscription, onDelivery);
  }

  /** On every member, so that a reply finds its way whichever of them a request took. */
  openInbox(onReply: OnReply): Promise<Inbox> {
    return this.#group.openInbox(onReply);
  }

  /** Over the first member that works and has an inbox of the asker. */
  reply(...call: Parameters<Replies['reply']>): Promise<PublishOutcome> {
    return this.#group.reply(...call);
  }

  isSubscribed(topic: string): Promise<boolean> {
    return this.#group.isSubscribed(topic);
  }

  /** Over all members that answer. Rejects when none does. */
  backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    return this.#group.backlog(of);
  }

  /** Proves that one member works. */
  ping(): Promise<void> {
    return this.#group.ping();
  }

  close(): Promise<void> {
    this.#members.end();
    return this.#group.close();
  }
}
