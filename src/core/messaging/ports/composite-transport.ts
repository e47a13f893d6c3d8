import type { DiskUse, Transport } from './transport.js';

/** State of a transport that combines several member transports. */
export interface CompositeState {
  /** Names of the members that are published to now. */
  readonly active: readonly string[];
  readonly members: readonly MemberState[];
  /** Present where messages may wait in a spool. */
  readonly spool?: SpoolState;
  /** Present once publishing has moved to another member. */
  readonly lastSwitch?: LastSwitch;
  /** How often publishing moved from one member to another. Absent where it never moves. */
  readonly switches?: readonly SwitchCount[];
}

/** Messages that wait until the transport works again. Age and bytes are up to a second old. */
export interface SpoolState {
  readonly messages: number;
  readonly maxMessages: number;
  readonly oldestAgeMs: number;
  /** Disk use of the spool's whole storage. Absent where it is not known. */
  readonly disk?: DiskUse;
  /** Time until it is full at the rate since it began to fill. Absent while it does not fill. */
  readonly fullInMs?: number;
  /** An operator has paused sending. */
  readonly isPaused: boolean;
}

export interface SwitchCount {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export interface LastSwitch {
  readonly from: string;
  readonly to: string;
  /** May name hosts. */
  readonly reason: string;
  /** Code of the error that caused the switch. Absent when no error did. */
  readonly errorCode?: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface MemberState {
  readonly name: string;
  readonly works: boolean;
  /** Open after failures, until a probe proves that it works. */
  readonly breaker: 'closed' | 'open';
  /** An operator has excluded it. */
  readonly isLeftOut: boolean;
  /** Present when the member combines members of its own. */
  readonly inside?: CompositeState;
}

/** Offered besides {@link Transport} by transports that combine members, so that operators see and override them. */
export interface Composite {
  state(): CompositeState;
  members(): readonly Transport[];
  /** Throws a MessagingError `NOT_FOUND` (no such member), `CONFLICT` (not now) or `OPTION_INVALID` (never here). */
  override(override: Override): void;
}

/** An operator override. One with `forMs` ends by itself. */
export type Override =
  /** Publish on this member, as long as it works. */
  | { readonly action: 'use'; readonly member: string; readonly forMs: number }
  /** Publish nothing on this member. */
  | { readonly action: 'leave-out'; readonly member: string; readonly forMs: number }
  /** Close the breaker of the member, whatever it did before, until it fails again. */
  | { readonly action: 'reset'; readonly member: string }
  /** Stop sending what is spooled. */
  | { readonly action: 'pause-spool'; readonly forMs: number }
  | { readonly action: 'resume-spool' };

export function isComposite(transport: Transport): transport is Transport & Composite {
  return 'state' in transport && 'override' in transport;
}

/** These transports and all of their members, each once. */
export function allInside(transports: readonly Transport[]): readonly Transport[] {
  const within = (transport: Transport): readonly Transport[] => [
    transport,
    ...(isComposite(transport) ? transport.members().flatMap(within) : []),
  ];
  return [...new Set(transports.flatMap(within))];
}
