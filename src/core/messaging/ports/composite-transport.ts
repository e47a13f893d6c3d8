import type { DiskUse, Transport } from './transport.js';

/** What a transport that is put together from others knows about them. */
export interface CompositeState {
  /** Names of those that are published to now. */
  readonly active: readonly string[];
  readonly members: readonly MemberState[];
  /** Present where messages may wait in a spool. */
  readonly spool?: SpoolState;
  /** Present once publishing has moved to another member. */
  readonly lastSwitch?: LastSwitch;
  /** How often it has moved from which to which; not there where it never does. */
  readonly switches?: readonly SwitchCount[];
}

/** What waits until a transport works. The age and the bytes are of a moment ago. */
export interface SpoolState {
  readonly messages: number;
  readonly maxMessages: number;
  readonly oldestAgeMs: number;
  /** Of everything that is stored beside it, where that is known. */
  readonly disk?: DiskUse;
  /** When it would be full if it went on filling as it has since it began to; not there while it does not fill. */
  readonly fullInMs?: number;
  /** An operator keeps it from being sent. */
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
  /** Of the error that was the reason, if one was. */
  readonly errorCode?: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface MemberState {
  readonly name: string;
  readonly works: boolean;
  /** Open after failures, until a probe proves that it works. */
  readonly breaker: 'closed' | 'open';
  /** An operator has taken it out. */
  readonly isLeftOut: boolean;
  /** Present when it is put together from others itself. */
  readonly inside?: CompositeState;
}

/** Offered besides {@link Transport} by transports that are put together from others, so that operators see what is inside. */
export interface Composite {
  state(): CompositeState;
  members(): readonly Transport[];
  /** Throws a MessagingError `NOT_FOUND` (no such member), `CONFLICT` (not now) or `OPTION_INVALID` (never here). */
  override(override: Override): void;
}

/** What an operator wants, for a time that ends by itself. */
export type Override =
  /** Publish on this member, as long as it works. */
  | { readonly action: 'use'; readonly member: string; readonly forMs: number }
  /** Publish nothing on this member. */
  | { readonly action: 'leave-out'; readonly member: string; readonly forMs: number }
  /** Take the member for one that works, whatever it did before, until it fails again. */
  | { readonly action: 'reset'; readonly member: string }
  /** Send nothing of what is spooled. */
  | { readonly action: 'pause-spool'; readonly forMs: number }
  | { readonly action: 'resume-spool' };

export function isComposite(transport: Transport): transport is Transport & Composite {
  return 'state' in transport && 'override' in transport;
}

/** These transports and everything that they are put together from, each once. */
export function allInside(transports: readonly Transport[]): readonly Transport[] {
  const within = (transport: Transport): readonly Transport[] => [
    transport,
    ...(isComposite(transport) ? transport.members().flatMap(within) : []),
  ];
  return [...new Set(transports.flatMap(within))];
}
