import type { Backlog } from '../ports/transport.js';

/**
 * What one source knows about a message. `operations` are those that have not ended. Open: a minor version may add sources.
 */
export const LOOKUP_SOURCES = [
  'publishes',
  'deliveries',
  'dead-letters',
  'idempotency',
  'operations',
  'spool',
  'backlog',
] as const;
export type LookupSource = (typeof LOOKUP_SOURCES)[number];

/** Open: a minor version may add words. */
export const FINDING_KINDS = [
  'published',
  'spooled',
  'not-published',
  'possibly-published',
  'delivered',
  'handled',
  'duplicate',
  'retrying',
  'dead-lettered',
  'discarded',
  'answered',
  'postponed',
  'dropped',
  'failed',
  'replaying',
  'replayed',
  'resolved',
  'archived',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** One thing that is known of a message. Times are in milliseconds since 1970. */
export interface MessageFinding {
  readonly at: number;
  readonly source: LookupSource;
  /** Of a dead letter its status, as it is now. */
  readonly what: FindingKind;
  readonly topic: string;
  readonly group?: string;
  readonly handler?: string;
  readonly transport?: string;
  readonly attempt?: number;
  /** Code of the error, or why it was postponed or dropped. */
  readonly reason?: string;
  /** When it is delivered again at the earliest. */
  readonly dueAt?: number;
  readonly deadLetterId?: string;
}

/**
 * Where a message is for a group, or in all: the state of the group that needs most attention. `not-waiting`: nothing waits there
 * and nothing else is known. `perhaps-waiting`: messages wait, and which cannot be known. Open: a minor version may add words.
 */
export const WHEREABOUTS_STATES = [
  'dead-letter',
  'running',
  'replaying',
  'retrying',
  'postponed',
  'perhaps-spooled',
  'perhaps-waiting',
  'unknown',
  'not-published',
  'archived',
  'discarded',
  'dropped',
  'not-waiting',
  'answered',
  'handled',
] as const;
export type WhereaboutsState = (typeof WHEREABOUTS_STATES)[number];

/** What waits for a group on one transport. */
export interface GroupBacklog extends Backlog {
  readonly transport: string;
  /** Absent where the transport does not know. */
  readonly isConsumed?: boolean;
}

/** What is known of a message for one group. */
export interface GroupWhereabouts {
  readonly topic: string;
  readonly group: string;
  readonly state: WhereaboutsState;
  /** A sentence: what is known, and what to do. */
  readonly detail: string;
  /** Of the last finding for the group. */
  readonly at?: number;
  /** Why the group takes nothing now, such as a pause. Absent where nothing keeps it. */
  readonly heldBy?: string;
  readonly backlogs: readonly GroupBacklog[];
}

/** What became of the question to one source. */
export interface SourceReport {
  readonly source: LookupSource;
  /** `process`: knows of the process that answers only. `shared`: of all that use the same. */
  readonly scope: 'process' | 'shared';
  /** `unknown`: it cannot be asked for one message, or its topic is not known. `failed`: it did not answer in time. */
  readonly status: 'found' | 'nothing' | 'unknown' | 'failed';
  /** A transport, where there is a question to each. */
  readonly transport?: string;
  /** It remembers nothing before this, in milliseconds since 1970. Absent where it has forgotten nothing. */
  readonly since?: number;
  readonly errorCode?: string;
}

/** What cannot be known on a transport. */
export interface TransportBlindness {
  readonly transport: string;
  readonly system: string;
  /** Sentences. */
  readonly unknowable: readonly string[];
}

/** What is known of one message, everywhere that can be asked. */
export interface MessageWhereabouts {
  readonly id: string;
  readonly state: WhereaboutsState;
  /** A sentence that answers "Why is this message not done?". */
  readonly detail: string;
  /** When its id was made, in milliseconds since 1970. Absent where the id does not say. */
  readonly createdAt?: number;
  readonly lastSeen?: MessageFinding;
  /** In the order of their times. */
  readonly findings: readonly MessageFinding[];
  readonly groups: readonly GroupWhereabouts[];
  readonly sources: readonly SourceReport[];
  readonly transports: readonly TransportBlindness[];
}
