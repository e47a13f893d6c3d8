import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Clock, Transport } from '../../../../core/messaging/ports/transport.js';
import type { FailoverOptions } from './failover.options.js';
import { Member } from '../members/member.js';
import { anyWorks } from '../members/member-group.js';

/** Listener to changes of the members. */
export interface MembersListener {
  /** Messages go to another member from now on. */
  readonly switched: (from: Member, to: Member, why: string | Error) => void;
  /** A member works now, or no longer does. */
  readonly changed: (isAnyWorking: boolean, cause: Error | undefined) => void;
}

/**
 * The transports in their order, and which of them is in use: it stays in use until it fails, and an earlier one comes back
 * into use only after it has worked for a while, so that a flapping broker does not cause repeated failovers.
 */
export class Members {
  readonly all: readonly Member[];
  #active: Member;
  #endPin = (): void => undefined;
  #pinned: Member | undefined;
  readonly #failBacks = new Map<Member, () => void>();

  constructor(
    transports: readonly Transport[],
    private readonly options: FailoverOptions,
    private readonly clock: Clock,
    private readonly listener: MembersListener,
  ) {
    this.all = transports.map((transport) => {
      const member: Member = new Member(transport, options, clock, (state, cause) =>
        this.#changed(member, state, cause),
      );
      return member;
    });
    this.#active = this.all[0] as Member;
  }

  get active(): Member {
    return this.#active;
  }

  /** Members to try, in this order: the one in use, the other healthy ones, and then the unhealthy ones as a last resort. */
  candidates(): readonly Member[] {
    if (this.#active.isHealthy && this.all.every((member) => member.isHealthy || member === this.#active))
      return this.#inOrder();
    const order = this.#inOrder();
    return [
      ...order.filter((member) => member.isHealthy),
      ...order.filter((member) => !member.isHealthy && !member.breaker.isLeftOut),
    ];
  }

  /** Where messages go that must not move: the first member, or the one that an operator has pinned. */
  get pinned(): Member {
    return this.#pinned ?? (this.all[0] as Member);
  }

  /** Pins publishing to this member for `forMs`, unless it fails. Throws `CONFLICT` when it is unhealthy. */
  pin(member: Member, forMs: number): void {
    if (!member.isHealthy)
      throw new MessagingError(
        'CONFLICT',
        `"${member.name}" is unavailable now; an override needs a healthy member.`,
      );
    this.#endPin();
    this.#pinned = member;
    this.#use(member, 'operator override');
    this.#endPin = this.clock.schedule(forMs, () => {
      this.#pinned = undefined;
      const first = this.all.find(({ isHealthy }) => isHealthy);
      if (first) this.#failBackTo(first, 'the operator override has ended');
    });
  }

  end(): void {
    this.#endPin();
    for (const cancel of this.#failBacks.values()) cancel();
    this.#failBacks.clear();
  }

  #inOrder(): readonly Member[] {
    return [this.#active, ...this.all.filter((member) => member !== this.#active)];
  }

  #changed(member: Member, state: 'open' | 'closed', cause: Error | undefined): void {
    if (state === 'open') this.#opened(member, cause);
    else this.#closed(member);
    this.listener.changed(anyWorks(this.all), cause);
  }

  #opened(member: Member, cause: Error | undefined): void {
    this.#failBacks.get(member)?.();
    this.#failBacks.delete(member);
    const next = this.all.find((other) => other.isHealthy);
    if (member === this.#pinned) this.#pinned = undefined;
    if (member === this.#active && next) this.#use(next, cause ?? 'it failed');
  }

  #closed(member: Member): void {
    if (!this.#active.isHealthy) {
      this.#use(member, `"${this.#active.name}" does not work`);
      return;
    }
    if (this.all.indexOf(member) >= this.all.indexOf(this.#active)) return;
    const { failBackAfterMs } = this.options;
    const failBack = (): void => {
      this.#failBacks.delete(member);
      // Probed once more, because the last probe may be old.
      member.prove().then(
        () => this.#failBackTo(member, `it has worked for ${failBackAfterMs} ms`),
        (error: unknown) => member.breaker.open(error as Error),
      );
    };
    this.#failBacks.set(member, this.clock.schedule(failBackAfterMs, failBack));
  }

  #failBackTo(member: Member, reason: string): void {
    if (this.#pinned) return;
    const isEarlier = this.all.indexOf(member) < this.all.indexOf(this.#active);
    if (member.isHealthy && isEarlier) this.#use(member, reason);
  }

  #use(member: Member, why: string | Error): void {
    const from = this.#active;
    if (from === member) return;
    this.#active = member;
    this.listener.switched(from, member, why);
  }
}
