import type {
  CompositeState,
  MemberState,
  SpoolState,
} from '../../../../core/messaging/ports/composite-transport.js';
import { type Destination, exportCounter, exportGauge } from '../series/exported.js';

/** A composite transport, by its name. */
export interface NamedState {
  readonly name: string;
  readonly state: CompositeState;
}

const SPOOL_GAUGES = [
  {
    name: 'messaging_spool_messages',
    help: 'Accepted messages that wait in the spool for a working transport.',
    value: ({ messages }: SpoolState) => messages,
  },
  {
    name: 'messaging_spool_capacity_messages',
    help: 'Most messages that the spool can hold.',
    value: ({ maxMessages }: SpoolState) => maxMessages,
  },
  {
    name: 'messaging_spool_oldest_age_seconds',
    help: 'Age of the oldest message in the spool; 0 when it is empty.',
    value: ({ oldestAgeMs }: SpoolState) => oldestAgeMs / 1000,
  },
  {
    name: 'messaging_spool_storage_bytes',
    help: 'Bytes in use in the storage of the spool, including other data there.',
    value: ({ disk }: SpoolState) => disk?.bytes,
  },
  {
    name: 'messaging_spool_storage_capacity_bytes',
    help: 'Most bytes that the storage of the spool can use.',
    value: ({ disk }: SpoolState) => disk?.maxBytes,
  },
];

const MEMBER_GAUGES = [
  {
    name: 'messaging_transport_active',
    help: '1 if messages are published to this member now, else 0.',
    value: (member: string, _: boolean, active: readonly string[]) => active.includes(member),
  },
  {
    name: 'messaging_transport_member_up',
    help: '1 if the member is connected and its circuit breaker is closed, else 0.',
    value: (_: string, works: boolean) => works,
  },
];

const BREAKER_STATES = ['closed', 'open', 'left_out'] as const;

function breakerOf({ breaker, isLeftOut }: MemberState): (typeof BREAKER_STATES)[number] {
  return isLeftOut ? 'left_out' : breaker;
}

/** Adds the metrics of composite transports and their members. */
export function exportCompositeMetrics(into: Destination, composites: () => readonly NamedState[]): void {
  for (const { name, help, value } of SPOOL_GAUGES)
    exportGauge(into, { name, help, labelNames: ['transport'] }, () =>
      composites().flatMap((one) => {
        const known = one.state.spool && value(one.state.spool);
        return known === undefined ? [] : [{ labels: { transport: one.name }, value: known }];
      }),
    );
  for (const { name, help, value } of MEMBER_GAUGES)
    exportGauge(into, { name, help, labelNames: ['transport', 'member'] }, () =>
      composites().flatMap(({ name: transport, state }) =>
        state.members.map((member) => ({
          labels: { transport, member: member.name },
          value: value(member.name, member.works, state.active) ? 1 : 0,
        })),
      ),
    );
  exportGauge(
    into,
    {
      name: 'messaging_circuit_breaker_state',
      help: 'State of the circuit breaker of a member: 1 for the current state, 0 for the others.',
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
    into,
    {
      name: 'messaging_failovers_total',
      help: 'Changes of publishing from one member to another, failovers and fail-backs.',
      labelNames: ['transport', 'from', 'to'],
    },
    () =>
      composites().flatMap(({ name: transport, state: { switches = [] } }) =>
        switches.map(({ from, to, count }) => ({ labels: { transport, from, to }, value: count })),
      ),
  );
}
