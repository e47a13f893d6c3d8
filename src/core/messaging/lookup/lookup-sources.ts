import { handledKey } from '../delivery/idempotency-step.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import type { MessagingView } from '../messaging.view.js';
import { allInside, isComposite, type SpoolState } from '../ports/composite-transport.js';
import { errorCodeOf, MessagingError } from '../ports/errors.js';
import { type Clock, keepsGroups, type Transport } from '../ports/transport.js';
import { withDeadline } from '../transport-kit/deadline.js';
import type { GroupBacklog, LookupSource, MessageFinding, SourceReport } from './message-whereabouts.js';

/** Of each source. A person waits for the answer. */
const SOURCE_DEADLINE_MS = 5_000;
/** Of a topic; others are left out. */
export const MAX_GROUPS = 50;
/** What a spool says of its age is up to a second old. */
const SPOOL_SLACK_MS = 2_000;

interface Asked<T> {
  /** Absent when it failed. */
  readonly answer?: T;
  readonly report: SourceReport;
}

/** Asks a source. Never rejects: a failure, or no answer in time, is in the report. */
export async function askInTime<T>(
  { source, scope }: Pick<SourceReport, 'source' | 'scope'>,
  question: () => Promise<T>,
  clock: Clock,
): Promise<Asked<T>> {
  const late = (): Error =>
    new MessagingError('DEADLINE_EXCEEDED', `No answer within ${SOURCE_DEADLINE_MS} ms.`);
  try {
    const asked = Promise.resolve().then(question);
    const answer = await withDeadline(asked, SOURCE_DEADLINE_MS, late, clock);
    return { answer, report: { source, scope, status: 'nothing' } };
  } catch (error) {
    return { report: { source, scope, status: 'failed', errorCode: errorCodeOf(error) } };
  }
}

/** What the idempotency store says of a message of this application, by group. */
export interface AskedClaims {
  readonly report: SourceReport;
  readonly claims: ReadonlyMap<HandlerEntry, 'done' | 'busy' | undefined>;
}

/** Asks the idempotency store, for handlers with a window. */
export async function askClaims(
  id: string,
  entries: readonly HandlerEntry[],
  { options, clock }: { readonly options: MessagingModuleOptions; readonly clock: Clock },
): Promise<AskedClaims> {
  const { idempotency: store, service } = options;
  const asked = { source: 'idempotency', scope: store?.isLocal === true ? 'process' : 'shared' } as const;
  const remembered = entries
    .filter(({ idempotencyWindowMs }) => idempotencyWindowMs > 0)
    .slice(0, MAX_GROUPS);
  if (!store?.find || remembered.length === 0)
    return { report: { ...asked, status: 'unknown' }, claims: new Map() };
  const question = (): Promise<(readonly [HandlerEntry, 'done' | 'busy' | undefined])[]> =>
    Promise.all(
      remembered.map(async (entry) => [entry, await store.find?.(handledKey(entry, service, id))] as const),
    );
  const { answer, report } = await askInTime(asked, question, clock);
  const isFound = answer?.some(([, claim]) => claim !== undefined) === true;
  return { report: { ...report, ...(isFound && { status: 'found' }) }, claims: new Map(answer) };
}

/** What waits for one group of one topic on one transport. */
export interface FoundBacklog extends GroupBacklog {
  readonly topic: string;
  readonly group: string;
}

/** What waits on a transport for the groups of topics. */
export interface AskedBacklogs {
  readonly report: SourceReport;
  readonly found: readonly FoundBacklog[];
}

/** Asks a transport what waits for the groups of these topics: all that it knows, else those with a handler here. */
export async function askBacklogs(
  transport: Transport,
  topics: readonly string[],
  { view, clock }: { readonly view: MessagingView; readonly clock: Clock },
): Promise<AskedBacklogs> {
  const asked = { source: 'backlog', scope: transport.isLocal === true ? 'process' : 'shared' } as const;
  const { answer, report } = await askInTime(
    asked,
    () => Promise.all(topics.map((topic) => backlogsOf(transport, topic, view))),
    clock,
  );
  const found = answer?.flat() ?? [];
  const isEmpty = found.every(({ ready, inFlight, delayed }) => ready + inFlight + delayed === 0);
  // Counts say that something waits, and never that it is this message.
  const status = topics.length > 0 && isEmpty ? 'nothing' : 'unknown';
  return { found, report: { ...report, ...(answer && { status }), transport: transport.name } };
}

async function backlogsOf(
  transport: Transport,
  topic: string,
  view: MessagingView,
): Promise<readonly FoundBacklog[]> {
  const { name } = transport;
  if (keepsGroups(transport)) {
    const groups = await transport.groups(topic);
    return groups
      .slice(0, MAX_GROUPS)
      .map(({ group, isConsumed, backlog }) => ({ ...backlog, transport: name, topic, group, isConsumed }));
  }
  const mine = view.subscriptions().filter(({ to }) => to.topic === topic);
  const groups = [...new Set(mine.map(({ to }) => to.group))].slice(0, MAX_GROUPS);
  const asking = groups.map(async (group): Promise<FoundBacklog> => {
    const backlog = await transport.backlog({ topic, group });
    return { ...backlog, transport: name, topic, group };
  });
  return Promise.all(asking);
}

/** Whether the message may be in a spool of this process, given what became of its publish. */
export function askSpools(
  transports: readonly Transport[],
  publish: MessageFinding | undefined,
  clock: Clock,
): { readonly isPerhapsThere: boolean; readonly reports: readonly SourceReport[] } {
  const ageMs = publish?.what === 'spooled' ? clock.now() - publish.at : undefined;
  const reports = allInside(transports).flatMap((transport): SourceReport[] => {
    const spool = isComposite(transport) ? transport.state().spool : undefined;
    if (!spool) return [];
    const status = mayHold(spool, ageMs) ? 'unknown' : 'nothing';
    return [{ source: 'spool', scope: 'process', status, transport: transport.name }];
  });
  const isPerhapsThere = ageMs !== undefined && reports.some(({ status }) => status === 'unknown');
  return { isPerhapsThere, reports };
}

/** Everything that was spooled before its oldest message has left it. */
function mayHold({ messages, oldestAgeMs }: SpoolState, ageMs: number | undefined): boolean {
  return messages > 0 && (ageMs === undefined || oldestAgeMs + SPOOL_SLACK_MS >= ageMs);
}

/** Of what this process remembers. */
export function rememberedReport(
  source: LookupSource,
  found: readonly MessageFinding[],
  since: number | undefined,
): SourceReport {
  const status = found.length > 0 ? 'found' : 'nothing';
  return { source, scope: 'process', status, ...(since !== undefined && { since }) };
}
