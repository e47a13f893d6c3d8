import type { Registry } from 'prom-client';
import type {
  CompositeState,
  MemberState,
  SpoolState,
} from '../../../../core/messaging/ports/composite-transport.js';
import { exportCounter, exportGauge } from '../series/exported.js';

/** A transport that is put together from others, by its name. */
export interface NamedState {
  readonly name: string;
  readonly state: CompositeState;
}

const SPOOL_GAUGES = [
  {
    name: 'messaging_spool_messages',
    help: 'Accepted messages that wait in the spool for a transport that works.',
    value: ({ messages }: SpoolState) => messages,
  },
  {
    name: 'messaging_spool_capacity_messages',
    help: 'Messages that the spool takes at most.',
    value: ({ maxMessages }: SpoolState) => maxMessages,
  },
  {
    name: 'messaging_spool_oldest_age_seconds',
    help: 'Age of the oldest message in the spool; 0 when it is empty.',
    value: ({ oldestAgeMs }: SpoolState) => oldestAgeMs / 1000,
  },
  {
    name: 'messaging_spool_storage_bytes',
    help: 'Bytes in use where the spool is stored, with whatever else is stored there.',
    value: ({ disk }: SpoolState) => disk?.bytes,
  },
  {
    name: 'messaging_spool_storage_capacity_bytes',
    help: 'Bytes that may be in use where the spool is stored.',
    value: ({ disk }: SpoolState) => disk?.maxBytes,
  },
];

const MEMBER_GAUGES = [
  {
    name: 'messaging_transport_active',
    help: 'Whether messages are published on this member now.',
    value: (member: string, _: boolean, active: readonly string[]) => active.includes(member),
  },
  {
    name: 'messaging_transport_member_up',
    help: 'Whether the member works: it is connected and its breaker is closed.',
    value: (_: string, works: boolean) => works,
  },
];

const BREAKER_STATES = ['closed', 'open', 'left_out'] as const;

function breakerOf({ breaker, isLeftOut }: MemberState): (typeof BREAKER_STATES)[number] {
  return isLeftOut ? 'left_out' : breaker;
}

/** Adds what is inside of transports that are put together from others. */
export function exportCompositeMetrics(registry: Registry, composites: () => readonly NamedState[]): void {
  for (const { name, help, value } of SPOOL_GAUGES)
    exportGauge(registry, { name, help, labelNames: ['transport'] }, () =>
      composites().flatMap((one) => {
        const known = one.state.spool && value(one.state.spool);
        return known === undefined ? [] : [{ labels: { transport: one.name }, value: known }];
      }),
    );
  for (const { name, help, value } of MEMBER_GAUGES)
    exportGauge(registry, { name, help, labelNames: ['transport', 'member'] }, () =>
      composites().flatMap(({ name: transport, state }) =>
        state.members.map((member) => ({
          labels: { transport, member: member.name },
          value: value(member.name, member.works, state.active) ? 1 : 0,
        })),
      ),
    );
  exportGauge(
    registry,
    {
      name: 'messaging_circuit_breaker_state',
      help: 'State of the breaker of a member: 1 for the one that it is in.',
      labelNames: ['transport', 'member', 'state'],
    },
    () =>
      composites().flatMap(({ name: transport, state: { members } }) =>
        members.flatMap((member) =>
          BREAKER_STATES.map((state) => ({
            labels: { transport, member: member.name, state },
            value: breakerOf(member) === state ? 1 : 0,
          })),
        ),
      ),
  );
  exportCounter(
    registry,
    {
      name: 'messaging_failovers_total',
      help: 'How often publishing moved from one member to another, in both directions.',
      labelNames: ['transport', 'from', 'to'],
    },
    () =>
      composites().flatMap(({ name: transport, state: { switches = [] } }) =>
        switches.map(({ from, to, count }) => ({ labels: { transport, from, to }, value: count })),
      ),
  );
}
