import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type {
  Clock,
  Destination,
  PublishAttempt,
  PublishOptions,
  PublishOutcome,
  Transport,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { MemberOptions } from './member.options.js';

/** What a message can be tried on: a member, or what stands in for one. */
export interface Target {
  readonly name: string;
  readonly transport: Pick<Transport, 'name' | 'durability'>;
  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]>;
}

/** A call of `publish`. */
export interface Parcel {
  readonly to: Destination;
  readonly messages: readonly WireMessage[];
  readonly options: PublishOptions;
}

export interface PublishPolicy extends Pick<MemberOptions, 'attemptTimeoutMs'> {
  /** After an unknown outcome `next` tries another member under the same id, `stop` reports unknown. */
  readonly onUnknown: 'next' | 'stop';
  readonly clock: Clock;
}

type Failed = Exclude<PublishOutcome, { kind: 'accepted' }>;

/** A message that no member has taken so far. */
interface Open {
  readonly index: number;
  readonly attempts: readonly PublishAttempt[];
  readonly last?: { readonly member: Target; readonly outcome: Failed };
  /** Some member may have it. */
  readonly isInDoubt: boolean;
}

/** One call of `publish`: tries one member after the other for whatever is still open, within the one deadline. */
export async function tryInOrder(
  members: readonly Target[],
  { to, messages, options }: Parcel,
  { attemptTimeoutMs, onUnknown, clock }: PublishPolicy,
): Promise<readonly PublishOutcome[]> {
  const results: PublishOutcome[] = [];
  const deadline = clock.monotonic() + options.deadlineMs;
  let open: readonly Open[] | undefined; // all of them, of which nothing is known yet
  for (const [turn, member] of members.entries()) {
    const startedAt = clock.monotonic();
    const leftMs = deadline - startedAt;
    if (turn > 0 && leftMs <= 0) break;
    const isLast = turn === members.length - 1;
    const deadlineMs = Math.max(1, Math.min(leftMs, isLast ? Infinity : attemptTimeoutMs));
    const sent = open ? open.map(({ index }) => messages[index] as WireMessage) : messages;
    const outcomes = await member.publish(to, sent, { ...options, deadlineMs });
    const judge = new Turn(member, clock.monotonic() - startedAt, onUnknown);
    open = open ? judge.ofEach(open, outcomes, results) : judge.ofAll(messages, outcomes, results);
    if (open.length === 0) return results;
  }
  for (const one of open ?? messages.map(untried)) results[one.index] = givenUp(one);
  return results;
}

function untried(_: WireMessage, index: number): Open {
  return { index, attempts: [], isInDoubt: false };
}

/** The outcomes of one member, with one list of attempts for all messages that ended the same way. */
class Turn {
  readonly #attempts = new Map<string, PublishAttempt>();

  constructor(
    private readonly member: Target,
    private readonly durationMs: number,
    private readonly onUnknown: PublishPolicy['onUnknown'],
  ) {}

  /** As `ofEach`. Nearly always everything is accepted at once, and then all messages can have the very same outcome. */
  ofAll(
    messages: readonly WireMessage[],
    outcomes: readonly PublishOutcome[],
    results: PublishOutcome[],
  ): readonly Open[] {
    const [first] = outcomes;
    const isSame = (outcome: PublishOutcome): boolean =>
      outcome === first ||
      (outcome.kind === 'accepted' && outcome.trail === undefined && first?.trail === undefined);
    if (first?.kind !== 'accepted' || outcomes.length !== messages.length || !outcomes.every(isSame))
      return this.ofEach(messages.map(untried), outcomes, results);
    const attempts = first.trail?.attempts ?? [this.#attemptOf(first)];
    results.length = messages.length;
    results.fill(withTrail(first, this.member, attempts));
    return [];
  }

  /** Notes the outcomes that are final, and returns what is still open. */
  ofEach(
    open: readonly Open[],
    outcomes: readonly PublishOutcome[],
    results: PublishOutcome[],
  ): readonly Open[] {
    return open.flatMap((one, nth) => {
      const judged = this.#of(one, outcomes[nth] ?? silent(this.member));
      if ('index' in judged) return [judged];
      results[one.index] = judged;
      return [];
    });
  }

  /** The outcome of the message, or the message with what it has been through when another member is to try. */
  #of(one: Open, outcome: PublishOutcome): Open | PublishOutcome {
    const attempts = [...one.attempts, ...(outcome.trail?.attempts ?? [this.#attemptOf(outcome)])];
    if (outcome.kind === 'unavailable' || (outcome.kind === 'unknown' && this.onUnknown === 'next'))
      return {
        index: one.index,
        attempts,
        last: { member: this.member, outcome },
        isInDoubt: one.isInDoubt || outcome.kind === 'unknown',
      };
    return withTrail(outcome, this.member, attempts);
  }

  #attemptOf(outcome: PublishOutcome): PublishAttempt {
    const errorCode = outcome.kind === 'accepted' ? undefined : errorCodeOf(outcome.error);
    const label = `${outcome.kind} ${errorCode ?? ''}`;
    let attempt = this.#attempts.get(label);
    if (!attempt) {
      const durationMs = Math.round(this.durationMs * 1_000) / 1_000;
      attempt = {
        transport: this.member.name,
        outcome: outcome.kind,
        durationMs,
        ...(errorCode === undefined ? {} : { errorCode }),
      };
      this.#attempts.set(label, attempt);
    }
    return attempt;
  }
}

function withTrail(
  outcome: PublishOutcome,
  { transport }: Target,
  attempts: readonly PublishAttempt[],
): PublishOutcome {
  const trail = {
    transport: outcome.trail?.transport ?? transport.name,
    status: outcome.trail?.status ?? ('accepted' as const),
    durability: outcome.trail?.durability ?? transport.durability,
    attempts,
  };
  return { ...outcome, trail };
}

/** No member has accepted it. It is `unknown` if one of them may have it. */
function givenUp({ last, attempts, isInDoubt }: Open): PublishOutcome {
  if (!last) {
    const error = new MessagingError(
      'DEADLINE_EXCEEDED',
      'There was no transport to try, or no time for it.',
    );
    return { kind: 'unavailable', error };
  }
  const kind = isInDoubt ? 'unknown' : 'unavailable';
  return withTrail({ kind, error: last.outcome.error }, last.member, attempts);
}

function silent(member: Target): PublishOutcome {
  const text = `Transport "${member.name}" did not answer for a message; it may or may not arrive.`;
  return { kind: 'unknown', error: new MessagingError('DEADLINE_EXCEEDED', text) };
}
