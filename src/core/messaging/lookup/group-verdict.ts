import type { ControlledSubscription } from '../control/subscription-control.service.js';
import type {
  FindingKind,
  GroupBacklog,
  GroupWhereabouts,
  MessageFinding,
  WhereaboutsState,
} from './message-whereabouts.js';

/** What is known of a message for one group, before it is put into a sentence. */
export interface GroupEvidence {
  readonly topic: string;
  readonly group: string;
  /** Of the message for this group, oldest first. */
  readonly findings: readonly MessageFinding[];
  readonly backlogs: readonly GroupBacklog[];
  /** A transport or a store has not answered, so what is not found may be there all the same. */
  readonly isIncomplete: boolean;
  /** The message may wait in a spool of this process, and has not reached the group then. */
  readonly isPerhapsSpooled: boolean;
  /** What this process does for the group. Absent where it has no handler for it. */
  readonly here: ControlledSubscription | undefined;
  /** What the idempotency store says of it for this group, whichever process it was. */
  readonly claim: 'done' | 'busy' | undefined;
  /** A running replay takes its dead letter. */
  readonly replayId: string | undefined;
}

type Verdict = Pick<GroupWhereabouts, 'state' | 'detail'>;

interface Words {
  readonly by: string;
  readonly when: string;
}

/** Concludes where the message is for a group. */
export function judgeGroup(evidence: GroupEvidence): GroupWhereabouts {
  const { topic, group, findings, backlogs, here } = evidence;
  const last = lastOf(findings);
  const heldBy = here && whyHeld(here);
  const verdict =
    verdictOfClaim(evidence, last) ?? (last && verdictOf(last, evidence)) ?? verdictOfBacklogs(evidence);
  return {
    topic,
    group,
    ...verdict,
    ...(last && { at: last.at }),
    ...(heldBy !== undefined && { heldBy }),
    backlogs,
  };
}

/** A dead letter is stored before its failure is reported, by a clock that may be another. */
function lastOf(findings: readonly MessageFinding[]): MessageFinding | undefined {
  const last = findings.at(-1);
  if (last?.what !== 'dead-lettered') return last;
  return findings.findLast(({ source }) => source === 'dead-letters') ?? last;
}

/** The state that needs most attention counts for the whole message. */
export function worstOf(
  groups: readonly GroupWhereabouts[],
  order: readonly WhereaboutsState[],
): GroupWhereabouts | undefined {
  return [...groups].sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state))[0];
}

/** By the last finding for a group. */
const VERDICTS: Partial<
  Record<FindingKind, (finding: MessageFinding, evidence: GroupEvidence, words: Words) => Verdict>
> = {
  failed: ({ attempt, reason, deadLetterId }, { group, replayId }, { when }) => ({
    state: 'dead-letter',
    detail:
      `It is the dead letter ${deadLetterId} of "${group}" since ${when}, after ${attempt} attempts (${reason}). ` +
      (replayId === undefined
        ? 'Fix the cause and replay it, or archive it.'
        : `The replay ${replayId} that runs in this process takes it.`),
  }),
  replaying: resent,
  replayed: resent,
  archived: ({ deadLetterId }, { group }, { when }) => ({
    state: 'archived',
    detail: `Its dead letter ${deadLetterId} of "${group}" was archived at ${when}. Restore it to replay it.`,
  }),
  resolved: (_, __, { by, when }) => ({
    state: 'handled',
    detail: `${by} handled it after a replay, at ${when}.`,
  }),
  handled: ({ attempt }, _, { by, when }) => ({
    state: 'handled',
    detail: `${by} handled it at ${when}, with attempt ${attempt}.`,
  }),
  duplicate: (_, __, { by, when }) => ({
    state: 'handled',
    detail: `${by} had handled it before: a copy was left out at ${when}.`,
  }),
  delivered: ({ attempt }, _, { by, when }) => ({
    state: 'running',
    detail: `${by} has it since ${when}, in this process, with attempt ${attempt}.`,
  }),
  retrying: ({ attempt, reason, dueAt }, _, { by, when }) => ({
    state: 'retrying',
    detail: `${by} failed with ${reason} in attempt ${attempt} at ${when}; it is delivered again from ${instant(dueAt)} on.`,
  }),
  postponed: ({ attempt, reason, dueAt }, _, { by, when }) => ({
    state: 'postponed',
    detail: `${by} did not finish attempt ${attempt} (${reason}) at ${when}; the same attempt comes again from ${instant(dueAt)} on.`,
  }),
  'dead-lettered': ({ reason }, _, { by, when }) => ({
    state: 'unknown',
    detail: `${by} gave it up with ${reason} at ${when}, and its dead letter is not found: it was discarded, or a limit removed it, or the store did not answer.`,
  }),
  discarded: ({ reason }, _, { by, when }) => ({
    state: 'discarded',
    detail: `${by} failed with ${reason} at ${when}, and an error rule discards that.`,
  }),
  answered: ({ reason }, _, { by, when }) => ({
    state: 'answered',
    detail: `${by} failed with ${reason} at ${when}, and its asker has the failure as the reply.`,
  }),
  dropped: ({ reason }, { topic }, { when }) => ({
    state: 'dropped',
    detail: `A request to "${topic}" that was dropped at ${when} (${reason}): requests are not kept.`,
  }),
};

/** A dead letter that is not settled since it was sent again. */
function resent({ what, deadLetterId }: MessageFinding, { group }: GroupEvidence, { when }: Words): Verdict {
  return {
    state: 'replaying',
    detail: `Its dead letter ${deadLetterId} was sent to "${group}" again (${what} since ${when}), and has not been handled since.`,
  };
}

function verdictOf(finding: MessageFinding, evidence: GroupEvidence): Verdict | undefined {
  const { what, handler, at } = finding;
  const words = { by: handler ?? `Group "${evidence.group}"`, when: instant(at) };
  return VERDICTS[what]?.(finding, evidence, words);
}

/** A dead letter says more, and what this process knows of a handling as well. */
function verdictOfClaim(
  { claim, group }: GroupEvidence,
  last: MessageFinding | undefined,
): Verdict | undefined {
  const isKnown = last?.source === 'dead-letters' || last?.what === 'handled' || last?.what === 'duplicate';
  if (claim === 'done' && !isKnown)
    return {
      state: 'handled',
      detail: `A process has handled it for "${group}": the idempotency store remembers it.`,
    };
  if (claim === 'busy' && !last)
    return { state: 'running', detail: `A handler of "${group}" in another process has claimed it.` };
  return undefined;
}

function verdictOfBacklogs(evidence: GroupEvidence): Verdict {
  const { group, backlogs, isIncomplete, isPerhapsSpooled, here } = evidence;
  if (isPerhapsSpooled)
    return {
      state: 'perhaps-spooled',
      detail: `It was spooled in this process, and the spool has not sent everything since.`,
    };
  const waiting = backlogs.reduce((sum, { ready, inFlight, delayed }) => sum + ready + inFlight + delayed, 0);
  const held = here && whyHeld(here);
  const isUnconsumed = backlogs.some(({ isConsumed, ready }) => isConsumed === false && ready > 0);
  if (waiting > 0)
    return {
      state: 'perhaps-waiting',
      detail:
        `${waiting} messages wait for "${group}" or are with a handler, and it may be one of them.` +
        (held === undefined ? '' : ` The group takes nothing now: ${held}.`) +
        (isUnconsumed ? ' No process consumes for the group.' : ''),
    };
  if (isIncomplete)
    return { state: 'unknown', detail: `Not everything that may know of it for "${group}" has answered.` };
  return {
    state: 'not-waiting',
    detail: `Nothing waits for "${group}" and there is no dead letter: it was handled, or never reached the group, or it was removed.`,
  };
}

/** Why the group takes nothing in this process now, as the end of a sentence; undefined where nothing keeps it. */
function whyHeld({ limits: { pause }, here }: ControlledSubscription): string | undefined {
  if (pause) return `paused by ${pause.by} until ${instant(pause.until)} (${pause.reason})`;
  const open = here.find(({ killSwitch }) => killSwitch?.isOpen);
  if (open)
    return `the kill switch of ${open.to.handler} is open because of ${open.killSwitch?.errorType ?? 'an error'}`;
  const stopped = here.filter(({ state }) => state !== 'running');
  if (here.length === 0 || stopped.length < here.length) return undefined;
  return `its consumers in this process are ${[...new Set(stopped.map(({ state }) => state))].join(' and ')}`;
}

export function instant(ms: number | undefined): string {
  return ms === undefined || Math.abs(ms) > 8.64e15 ? 'an unknown time' : new Date(ms).toISOString();
}
