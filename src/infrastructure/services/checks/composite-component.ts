import type {
  CompositeState,
  LastSwitch,
  SpoolState,
} from '../../../core/messaging/ports/composite-transport.js';
import type { HealthComponent } from './health-component.js';

/** A member that does not work, or a spooled message, degrades a composite that works otherwise. */
export function withMembers(component: HealthComponent, state: CompositeState): HealthComponent {
  const failing = failingOf(state);
  const spools = spoolsOf(state);
  const waiting = spools.reduce((sum, { messages }) => sum + messages, 0);
  const isTroubled = failing.length > 0 || waiting > 0;
  return {
    ...component,
    status: isTroubled && component.status === 'up' ? 'degraded' : component.status,
    active: activeOf(state).join(', '),
    ...(failing.length > 0 ? { failing } : {}),
    ...switchDetails(switchesOf(state)),
    ...(spools.length > 0 ? { spooled: waiting } : {}),
    ...(waiting > 0 ? spoolDetails(spools) : {}),
  };
}

/** Only the code of the reason, because its text may name hosts. */
function switchDetails(switches: readonly LastSwitch[]): Record<string, string> {
  const [last] = [...switches].sort((one, other) => other.at - one.at);
  if (!last) return {};
  const { from, to, at, errorCode } = last;
  const text = `${from} > ${to}${errorCode === undefined ? '' : ` (${errorCode})`}`;
  return { lastSwitch: text, lastSwitchAt: new Date(at).toISOString() };
}

function spoolDetails(spools: readonly SpoolState[]): Record<string, number> {
  const bytes = spools.flatMap(({ disk }) => (disk ? [disk.bytes] : []));
  const fullInMs = spools.flatMap((spool) => (spool.fullInMs === undefined ? [] : [spool.fullInMs]));
  return {
    spoolOldestAgeMs: Math.round(Math.max(...spools.map((one) => one.oldestAgeMs))),
    ...(bytes.length > 0 ? { spoolStorageBytes: bytes.reduce((sum, one) => sum + one, 0) } : {}),
    ...(fullInMs.length > 0 ? { spoolFullInMs: Math.min(...fullInMs) } : {}),
  };
}

function switchesOf({ lastSwitch, members }: CompositeState): LastSwitch[] {
  return [...(lastSwitch ? [lastSwitch] : []), ...insideOf(members).flatMap(switchesOf)];
}

function activeOf({ active, members }: CompositeState): readonly string[] {
  return active.flatMap((one) => {
    const inside = members.find(({ name }) => name === one)?.inside;
    return inside ? activeOf(inside) : [one];
  });
}

function failingOf({ members }: CompositeState): string[] {
  return members.flatMap(({ name, works, inside }) => [
    ...(works ? [] : [name]),
    ...(inside ? failingOf(inside) : []),
  ]);
}

function spoolsOf({ spool, members }: CompositeState): SpoolState[] {
  return [...(spool ? [spool] : []), ...insideOf(members).flatMap(spoolsOf)];
}

function insideOf(members: CompositeState['members']): readonly CompositeState[] {
  return members.flatMap(({ inside }) => (inside ? [inside] : []));
}
