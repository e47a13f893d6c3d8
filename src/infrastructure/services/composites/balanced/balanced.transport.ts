import { MessagingConfigurationError } from '../../../../core/messaging/ports/errors.js';
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
import { type Choose, STRATEGIES } from './strategies.js';
import type { Inbox, OnReply, Replies } from '../../../../core/messaging/ports/replies.js';
import { ConnectionEvents } from '../members/connection-events.js';
import type { BalancedOptions } from './balanced.options.js';
import { LoadedMember } from './loaded-member.js';
import { Member } from '../members/member.js';
import { anyWorks, assertMembers, durabilityOf, MemberGroup } from '../members/member-group.js';
import { overrideMember } from '../members/overrides.js';
import { type Parcel, tryInOrder, type PublishPolicy } from '../members/try-in-order.js';
import { publishGrouped } from '../members/publish-grouped.js';
import { ownerOf } from './rendezvous.js';
import { isStrict, waitingFor } from '../members/strict-order.js';

/**
 * Several transports as one that share the load: a key always goes to the same one that works, the rest by a strategy. Consumes from all.
 *
 * It owns its members: it connects and closes them.
 */
export class BalancedTransport implements Transport, Composite, Replies, ProblemReporter {
  readonly name: string;
  readonly system = 'balanced';
  readonly durability: Durability;
  readonly #members: readonly LoadedMember[];
  readonly #events: ConnectionEvents;
  readonly #group: MemberGroup;
  readonly #choose: Choose;
  readonly #policy: PublishPolicy;

  /** @throws MessagingConfigurationError unless there are two members or more, each once, and a weight for each or none. */
  constructor(transports: readonly Transport[], options: BalancedOptions, context: TransportContext) {
    this.name = context.name;
    const { clock } = context;
    const { weights, strategy } = options;
    assertMembers(this.name, transports);
    if (weights && weights.length !== transports.length)
      throw new MessagingConfigurationError([`"${this.name}" needs a weight for each of its members.`]);
    this.durability = durabilityOf(transports);
    this.#choose = STRATEGIES[strategy];
    this.#policy = { ...options, clock };
    this.#events = new ConnectionEvents(context);
    this.#members = transports.map((transport, index) => {
      const member = new Member(transport, options, clock, (state, cause) => this.#changed(state, cause));
      return new LoadedMember(member, weights?.[index] ?? 1, clock);
    });
    this.#group = new MemberGroup(
      this.#members.map(({ member }) => member),
      this.#events,
      context,
    );
  }

  state(): CompositeState {
    const members = this.#members.map(({ member }) => member.state);
    const active = members.flatMap(({ works: isHealthy, name }) => (isHealthy ? [name] : []));
    return { active, members };
  }

  problems(): readonly TransportProblem[] {
    return this.#group.problems();
  }

  members(): readonly Transport[] {
    return this.#members.map(({ transport }) => transport);
  }

  override(override: Override): void {
    const members = this.#members.map(({ member }) => member);
    overrideMember(override, this.name, members);
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
    if (options.ordering !== 'strict') return this.#toAny({ to, messages, options });
    return publishGrouped(
      messages,
      (message) => isStrict(message, options),
      (mustStay, some) => {
        const parcel = { to, messages: some, options };
        return mustStay ? this.#toOwners(parcel) : this.#toAny(parcel);
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
    return this.#group.close();
  }

  /** A key to its owner among those that work, the rest by the strategy; to another one when that fails. */
  #toAny({ to, messages, options }: Parcel): Promise<readonly PublishOutcome[]> {
    const working = this.#members.filter(({ isHealthy }) => isHealthy);
    let chosen: LoadedMember | undefined; // those without a key stay together: small batches cost more
    return publishGrouped(
      messages,
      ({ key }) => (key === undefined ? (chosen ??= this.#choose(working)) : ownerOf(key, working)),
      (first, some) => tryInOrder(this.#inTurn(first), { to, messages: some, options }, this.#policy),
    );
  }

  /** A key to its owner among all, and nowhere else. */
  #toOwners({ to, messages, options }: Parcel): Promise<readonly PublishOutcome[]> {
    return publishGrouped(
      messages,
      ({ key = '' }) => ownerOf(key, this.#members) as LoadedMember, // there are two or more
      async (owner, some) =>
        owner.isHealthy
          ? tryInOrder([owner], { to, messages: some, options }, this.#policy)
          : waitingFor(owner, some),
    );
  }

  /** Members to try: this one, the other healthy ones, and then the unhealthy ones as a last resort. */
  #inTurn(first: LoadedMember | undefined): readonly LoadedMember[] {
    const others = this.#members.filter((member) => member !== first);
    const sorted = [
      ...others.filter(({ isHealthy }) => isHealthy),
      ...others.filter(({ isHealthy, member }) => !isHealthy && !member.breaker.isLeftOut),
    ];
    return first ? [first, ...sorted] : sorted;
  }

  /** A member that comes back has missed its share, and must not get all of it at once. */
  #changed(state: 'open' | 'closed', cause: Error | undefined): void {
    const working = this.#members.filter(({ isHealthy }) => isHealthy);
    if (state === 'closed') {
      const most = Math.max(...working.map(({ given }) => given));
      for (const member of this.#members) member.given = Math.max(member.given, most - 1);
    }
    this.#events.report(anyWorks(this.#members), cause);
  }
}
