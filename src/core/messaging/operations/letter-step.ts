import { replayOne, type ReplayDependencies, STALE_REPLAY_MS } from '../dead-letters/replay-one.js';
import type { DeadLetter, DeadLetterStatus } from '../ports/dead-letter-store.js';
import { errorCodeOf } from '../ports/errors.js';
import type { ItemResult } from './operation.js';
import type { OperationRecord } from './operation-record.js';
import type { FrozenLetter } from './operation-store.js';

/** What became of one letter, or how long to wait before it can be tried again. */
export type StepOutcome =
  | { readonly result: Exclude<ItemResult, 'pending'>; readonly code?: string | undefined }
  | { readonly waitMs: number };

export interface StepContext extends ReplayDependencies {
  /** A process that worked on the operation before may have done this letter without a note of it. */
  readonly isContinued: boolean;
}

const SKIPPED = (code: string): StepOutcome => ({ result: 'skipped', code });
const DONE_BEFORE: StepOutcome = { result: 'succeeded', code: 'DONE_BEFORE' };

/**
 * Does to one letter what the operation is for.
 *
 * Rejects when the store of dead letters cannot answer, or the transport is not available: nothing has changed then, and it can
 * be tried again.
 */
export async function stepOf(
  { kind, force = false }: OperationRecord,
  { id, at }: FrozenLetter,
  context: StepContext,
): Promise<StepOutcome> {
  const letter = await context.store.find(id);
  if (!letter) return kind === 'discard' && context.isContinued ? DONE_BEFORE : SKIPPED('GONE');
  // Not compared by order: the clock may have been set back since.
  if (letter.deadLetteredAt !== at) return SKIPPED('FAILED_AGAIN');
  if (kind === 'replay') return replay(letter, force, context);
  if (kind === 'discard') return discard(letter, force, context);
  return kind === 'archive'
    ? change(letter, { from: 'failed', to: 'archived' }, context)
    : change(letter, { from: 'archived', to: 'failed' }, context);
}

async function replay(letter: DeadLetter, force: boolean, context: StepContext): Promise<StepOutcome> {
  try {
    const { outcome } = await replayOne(letter.id, force, context);
    return { result: outcome === 'accepted' ? 'succeeded' : 'unknown' };
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'NOT_FOUND') return SKIPPED('GONE');
    if (code === 'PUBLISH_REFUSED') return { result: 'failed', code };
    if (code === 'CONFLICT') return whyNotReplayed(letter, context);
    throw error;
  }
}

async function whyNotReplayed(
  letter: DeadLetter,
  { store, clock, isContinued }: StepContext,
): Promise<StepOutcome> {
  if (letter.reason === 'corrupt') return SKIPPED('CORRUPT');
  const now = await store.find(letter.id);
  if (!now) return SKIPPED('GONE');
  // A process that died, or that is slow, is sending it. After this time it is known to be free.
  if (now.status === 'replaying') {
    const freeAt = now.updatedAt + STALE_REPLAY_MS + 1;
    return { waitMs: Math.min(STALE_REPLAY_MS, Math.max(1, freeAt - clock.now())) };
  }
  const wasSent = now.status === 'replayed' || now.status === 'resolved';
  return wasSent && isContinued ? DONE_BEFORE : SKIPPED(codeOfStatus(now.status));
}

async function discard(letter: DeadLetter, force: boolean, context: StepContext): Promise<StepOutcome> {
  const { id, topic, group, status, revision } = letter;
  if (!force && status !== 'archived') return SKIPPED(codeOfStatus(status));
  if (!(await context.store.discard(id, revision))) return SKIPPED('CHANGED');
  context.emit({ type: 'dead-letter-changed', id, topic, group, to: 'discarded' });
  return { result: 'succeeded' };
}

async function change(
  { id, topic, group, status }: DeadLetter,
  { from, to }: { readonly from: DeadLetterStatus; readonly to: DeadLetterStatus },
  context: StepContext,
): Promise<StepOutcome> {
  if (await context.store.transition(id, [from], to)) {
    context.emit({ type: 'dead-letter-changed', id, topic, group, to });
    return { result: 'succeeded' };
  }
  return status === to && context.isContinued ? DONE_BEFORE : SKIPPED(codeOfStatus(status));
}

/** `IS_REPLAYED` and the like. */
function codeOfStatus(status: DeadLetterStatus): string {
  return `IS_${status.toUpperCase()}`;
}

/** It may succeed when it is tried again later. */
export function isPassing(error: unknown): boolean {
  return ['STORE_UNAVAILABLE', 'PUBLISH_UNAVAILABLE', 'DEADLINE_EXCEEDED', 'TRANSPORT_UNAVAILABLE'].includes(
    errorCodeOf(error),
  );
}
