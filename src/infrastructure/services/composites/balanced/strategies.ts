import type { BalancedOptions } from './balanced.options.js';
import type { LoadedMember } from './loaded-member.js';

/** Chooses the member that gets messages without a key. */
export type Choose = (members: readonly LoadedMember[]) => LoadedMember | undefined;

const least = (
  members: readonly LoadedMember[],
  of: (member: LoadedMember) => number,
): LoadedMember | undefined => {
  let best = members[0];
  for (const member of members) if (best && of(member) < of(best)) best = member;
  return best;
};

export const STRATEGIES: Readonly<Record<BalancedOptions['strategy'], Choose>> = {
  'round-robin': (members) => least(members, ({ given }) => given),
  'least-in-flight': (members) => least(members, ({ inFlight }) => inFlight),
  /** Two at random and not all, so that processes do not all run to the same one ("power of two choices", Mitzenmacher 2001). */
  latency: (members) => {
    const one = Math.floor(Math.random() * members.length);
    const other = (one + 1 + Math.floor(Math.random() * (members.length - 1))) % members.length;
    return least(
      [members[one], members[other]].filter((member) => member !== undefined),
      ({ cost }) => cost,
    );
  },
};
