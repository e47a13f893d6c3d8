import { MessagingConfigurationError } from '../../../core/messaging/messaging.errors.js';
import type {
  Backlog,
  Composite,
  CompositeState,
  Consumer,
  Destination,
  Durability,
  OnDelivery,
  Override,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/transport.js';
import { type Choose, STRATEGIES } from './balance.js';
import type { BalancedOptions } from './balanced.options.js';
import { LoadedMember } from './loaded-member.js';
import { Member } from './member.js';
import { assertMembers, durabilityOf, MemberGroup } from './member-group.js';
import { overrideMember } from './overrides.js';
import { publishByTurns } from './publish-by-turns.js';
import { ownerOf } from './rendezvous.js';

/**
 * Several transports as one that share the load: a key always goes to the same one that works, the rest by a strategy. Consumes from all.
 *
 * It owns its members: it connects and closes them.
 */
export class BalancedTransport implements Transport, Composite {
  readonly name: string;
  readonly system = 'balanced';
  readonly durability: Durability;
  readonly #members: readonly LoadedMember[];
  readonly #group: MemberGroup;
  readonly #choose: Choose;

  /** @throws MessagingConfigurationError unless there are two members or more, each once, and a weight for each or none. */
  constructor(
    transports: readonly Transport[],
    private readonly options: BalancedOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    const { clock } = context;
    const { weights, strategy } = options;
    assertMembers(this.name, transports);
    if (weights && weights.length !== transports.length)
      throw new MessagingConfigurationError([`"${this.name}" needs a weight for each of its members.`]);
    this.durability = durabilityOf(transports);
    this.#choose = STRATEGIES[strategy];
    this.#members = transports.map((transport, index) => {
      const member = new Member(transport, options, clock, (state, cause) => this.#changed(state, cause));
      return new LoadedMember(member, weights?.[index] ?? 1, clock);
    });
    this.#group = new MemberGroup(
      this.#members.map(({ member }) => member),
      context,
    );
  }

  state(): CompositeState {
    const members = this.#members.map(({ member }) => member.state);
    const active = members.flatMap(({ works, name }) => (works ? [name] : []));
    return { active, members };
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
    const policy = { ...this.options, clock: this.context.clock };
    const shares = [...this.#share(messages)];
    const [only] = shares;
    if (only && shares.length === 1)
      return publishByTurns(this.#inTurn(only[0]), { to, messages, options }, policy);
    const results: PublishOutcome[] = [];
    const sending = shares.map(async ([first, indexes]) => {
      const parcel = { to, messages: indexes.map((index) => messages[index] as WireMessage), options };
      const outcomes = await publishByTurns(this.#inTurn(first), parcel, policy);
      indexes.forEach((index, nth) => (results[index] = outcomes[nth] as PublishOutcome));
    });
    await Promise.all(sending);
    return results;
  }

  consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    return this.#group.consume(subscription, onDelivery);
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

  /** Which member gets which messages, by their index. Those without a key stay together: small batches cost more. */
  #share(messages: readonly WireMessage[]): Map<LoadedMember | undefined, number[]> {
    const working = this.#members.filter(({ works }) => works);
    const shares = new Map<LoadedMember | undefined, number[]>();
    let chosen: LoadedMember | undefined;
    messages.forEach(({ key }, index) => {
      const member = key === undefined ? (chosen ??= this.#choose(working)) : ownerOf(key, working);
      const share = shares.get(member);
      if (share) share.push(index);
      else shares.set(member, [index]);
    });
    return shares;
  }

  /** Whom to try: this one, others that work, and then, for want of a better one, those that did not. */
  #inTurn(first: LoadedMember | undefined): readonly LoadedMember[] {
    const others = this.#members.filter((member) => member !== first);
    const sorted = [
      ...others.filter(({ works }) => works),
      ...others.filter(({ works, member }) => !works && !member.breaker.isLeftOut),
    ];
    return first ? [first, ...sorted] : sorted;
  }

  /** One that comes back has missed its share, and must not be given all of it at once. */
  #changed(state: 'open' | 'closed', cause: Error | undefined): void {
    const working = this.#members.filter(({ works }) => works);
    if (state === 'closed') {
      const most = Math.max(...working.map(({ given }) => given));
      for (const member of this.#members) member.given = Math.max(member.given, most - 1);
    }
    this.#group.tellState(cause);
  }
}
