import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { MessagingEvent } from '../observing/events.js';
import { OWN_HEADERS, withoutOwn } from '../ports/headers.js';
import { withDeadline } from '../transport-kit/deadline.js';
import type { Clock, WireMessage } from '../ports/transport.js';
import type {
  DeadLetter,
  DeadLetterStatus,
  DeadLetterStore,
  DeadLetterSummary,
} from '../ports/dead-letter-store.js';
import { REPLAY_DEADLINE_MS, type ReplayPublication, type ReplayPublisher } from './replay-publisher.js';

/** A letter that has been `replaying` for longer than this belongs to a process that died. */
export const STALE_REPLAY_MS = 60_000;
/** The publisher keeps its own deadline; this one is for a publisher that does not. */
const PUBLISHER_GRACE_MS = 2_000;

/** What became of one replay. */
export interface ReplayResult {
  readonly id: string;
  /** Status of the letter afterwards. `resolved` and `failed` mean that the handler was faster than this answer. */
  readonly status: DeadLetterStatus;
  readonly messageId: string;
  /** Transport that the message was sent on. */
  readonly transport: string;
  /** `unknown`: the broker did not answer in time, and the message may or may not arrive. */
  readonly outcome: 'accepted' | 'unknown';
}

export interface ReplayDependencies {
  readonly store: DeadLetterStore;
  readonly publisher: ReplayPublisher;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
}

/**
 * Sends one letter's message back to the group that gave it up, with the same id, key, headers and bytes.
 *
 * The change of status to `replaying` is the lock: only the call that made it sends. Rejects with `NOT_FOUND`, with `CONFLICT`
 * when the letter is in no state to be replayed, and with what the publisher said when the message was certainly not
 * sent; the letter is `failed` again then.
 *
 * @param force also takes a letter that is `replayed`, whose message may then be handled twice.
 */
export async function replayOne(
  id: string,
  force: boolean,
  dependencies: ReplayDependencies,
): Promise<ReplayResult> {
  const { store, publisher, clock } = dependencies;
  const deadLetter = await store.find(id);
  if (!deadLetter) throw new MessagingError('NOT_FOUND', `There is no dead letter ${quote(id)}.`);
  await lock(deadLetter, force, dependencies);
  const to = { topic: deadLetter.topic, group: deadLetter.group };
  const publication = await withDeadline(
    publisher.publish(deadLetter.transport, to, messageOf(deadLetter)),
    REPLAY_DEADLINE_MS + PUBLISHER_GRACE_MS,
    () => new MessagingError('DEADLINE_EXCEEDED', `The replay of ${quote(id)} got no answer in time.`),
    clock,
  ).catch((error: unknown): ReplayPublication => {
    const cause = error instanceof Error ? error : new Error('The replay publisher failed.');
    return { transport: deadLetter.transport, outcome: { kind: 'unknown', error: cause } };
  });
  return conclude(deadLetter, publication, dependencies);
}

async function lock(
  deadLetter: DeadLetter,
  force: boolean,
  { store, clock }: ReplayDependencies,
): Promise<void> {
  const allowed: DeadLetterStatus[] = force ? ['failed', 'archived', 'replayed'] : ['failed', 'archived'];
  const abandoned = deadLetter.status === 'replaying' && clock.now() - deadLetter.updatedAt > STALE_REPLAY_MS;
  if (!abandoned && !allowed.includes(deadLetter.status)) throw notReplayable(deadLetter);
  if (deadLetter.reason === 'corrupt') throw corrupt(deadLetter);
  const locked = await store.transition(deadLetter.id, [deadLetter.status], 'replaying');
  if (!locked) throw notReplayable(deadLetter);
  // Two that found the same abandoned letter both get here. Only the first sees its change follow the one it read.
  if (abandoned && locked.revision !== deadLetter.revision + 1) throw notReplayable(deadLetter);
}

function notReplayable(deadLetter: DeadLetterSummary): MessagingError {
  const advice = {
    failed: 'another operation changed it meanwhile. Read it again, then decide.',
    archived: 'another operation changed it meanwhile. Read it again, then decide.',
    replaying: `it is being replayed. If it still is after ${STALE_REPLAY_MS / 1000} s, it can be replayed again.`,
    replayed: 'its message is on its way to the handler. Use force to send it once more.',
    resolved: 'its message was handled after a replay.',
  }[deadLetter.status];
  return new MessagingError('CONFLICT', `Dead letter ${quote(deadLetter.id)} cannot be replayed: ${advice}`);
}

function corrupt({ id }: DeadLetterSummary): MessagingError {
  return new MessagingError(
    'CONFLICT',
    `Dead letter ${quote(id)} cannot be replayed: its bytes are not those of the message, because the disk altered them. Publish the message again from its source, then discard the letter.`,
  );
}

function messageOf(deadLetter: DeadLetter): WireMessage {
  const { attempt, history, deadLetterId } = OWN_HEADERS;
  const headers = withoutOwn(deadLetter.headers, attempt, history, deadLetterId);
  return {
    id: deadLetter.messageId,
    ...(deadLetter.key !== undefined && { key: deadLetter.key }),
    headers: { ...headers, [deadLetterId.name]: deadLetter.id },
    body: deadLetter.body,
  };
}

async function conclude(
  deadLetter: DeadLetter,
  { transport, outcome }: ReplayPublication,
  { store, emit }: ReplayDependencies,
): Promise<ReplayResult> {
  const sent = outcome.kind === 'accepted' || outcome.kind === 'unknown';
  // A store that fails now cannot unsend the message: the letter stays `replaying` until it is resolved or abandoned.
  const changed = await store
    .transition(deadLetter.id, ['replaying'], sent ? 'replayed' : 'failed')
    .catch((): Pick<DeadLetterSummary, 'status'> => ({ status: 'replaying' }));
  if (changed && changed.status !== 'replaying') {
    emit({
      type: 'dead-letter-changed',
      id: deadLetter.id,
      topic: deadLetter.topic,
      group: deadLetter.group,
      to: changed.status,
    });
  }
  if (!sent) throw notSent(deadLetter, transport, outcome.kind, outcome.error);
  const now = changed ?? (await store.find(deadLetter.id).catch(() => undefined));
  return {
    id: deadLetter.id,
    status: now?.status ?? 'replayed',
    messageId: deadLetter.messageId,
    transport,
    outcome: outcome.kind === 'accepted' ? 'accepted' : 'unknown',
  };
}

function notSent(
  deadLetter: DeadLetter,
  transport: string,
  kind: 'unavailable' | 'refused',
  error: Error,
): MessagingError {
  const consequence =
    kind === 'unavailable' ? 'is not available; try again when it is' : 'refuses the message as it is';
  return new MessagingError(
    kind === 'unavailable' ? 'PUBLISH_UNAVAILABLE' : 'PUBLISH_REFUSED',
    `Dead letter ${quote(deadLetter.id)} was not replayed: transport "${transport}" ${consequence} (${errorCodeOf(error)}).`,
    { cause: error },
  );
}

function quote(id: string): string {
  return JSON.stringify(id.slice(0, 80));
}
