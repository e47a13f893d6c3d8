import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import {
  carriesReplies,
  type Inbox,
  joinAddresses,
  type OnReply,
  type Replies,
} from '../../../../core/messaging/ports/replies.js';
import type { PublishOutcome, TransportContext } from '../../../../core/messaging/ports/transport.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Member } from './member.js';

/** Longest wait for one member while there is another way for the reply. */
const TRY_MS = 1_000;
const RETRY_BACKOFF = { minMs: 100, maxMs: 5_000 } as const;

/** Inboxes on every member, as one: a reply may come over any of them. */
export class MemberInboxes implements Inbox {
  readonly #open = new Map<Member, Inbox>();
  #isClosed = false;

  constructor(
    private readonly onReply: OnReply,
    private readonly context: Pick<TransportContext, 'clock' | 'name'>,
  ) {}

  /** Those of the members that are open now. */
  get address(): string {
    return joinAddresses([...this.#open.values()].map(({ address }) => address));
  }

  /** Resolves once one member has an inbox; the others follow when they can. Rejects when none can have one now. */
  async open(members: readonly Member[]): Promise<void> {
    const opening = members.map((member) => this.#openOn(member));
    for (const [nth, one] of opening.entries()) one.catch(() => this.#retry(members[nth] as Member, 0));
    try {
      await Promise.any(opening);
    } catch (error) {
      await this.close();
      throw (error as AggregateError).errors[0];
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#open.values()].map((inbox) => inbox.close()));
    this.#open.clear();
  }

  async #openOn(member: Member): Promise<void> {
    const { transport } = member;
    if (!carriesReplies(transport)) throw noReplies(member);
    const inbox = await transport.openInbox(this.onReply);
    if (this.#isClosed) return inbox.close();
    this.#open.set(member, inbox);
  }

  #retry(member: Member, failures: number): void {
    this.context.clock.schedule(backoffMs(failures, RETRY_BACKOFF), () => {
      if (this.#isClosed) return;
      this.#openOn(member).catch(() => this.#retry(member, failures + 1));
    });
  }
}

/**
 * Sends a reply over the first member that takes it, those that work first. A member on which the asker has no inbox refuses, and
 * the next is tried: the asker may reach another broker than this process does.
 */
export async function replyOver(
  members: readonly Member[],
  name: string,
  [address, reply, options]: Parameters<Replies['reply']>,
): Promise<PublishOutcome> {
  const inTurn = [...members].sort((a, b) => Number(b.isHealthy) - Number(a.isHealthy));
  const deadlineMs = members.length > 1 ? Math.min(options.deadlineMs, TRY_MS) : options.deadlineMs;
  let last: PublishOutcome | undefined;
  for (const member of inTurn) {
    const { transport } = member;
    const outcome = carriesReplies(transport)
      ? await transport.reply(address, reply, { deadlineMs })
      : ({ kind: 'refused', error: noReplies(member) } as const);
    if (outcome.kind === 'accepted') return outcome;
    // What may still be taken is worth another try, so it counts more than a refusal.
    if (last === undefined || outcome.kind !== 'refused') last = outcome;
  }
  const error = new MessagingError('TRANSPORT_UNAVAILABLE', `"${name}" has no members.`);
  return last ?? { kind: 'unavailable', error };
}

/** Rejects when no member knows a group and one cannot be asked. */
export async function isSubscribedOn(members: readonly Member[], topic: string): Promise<boolean> {
  const asked = members.map(async ({ transport }) =>
    carriesReplies(transport) ? transport.isSubscribed(topic) : false,
  );
  const answers = await Promise.allSettled(asked);
  if (answers.some((answer) => answer.status === 'fulfilled' && answer.value)) return true;
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed) throw failed.reason;
  return false;
}

function noReplies({ name }: Member): MessagingError {
  return new MessagingError('CONFIGURATION', `Transport "${name}" carries no replies.`);
}
