import { nearestName } from './did-you-mean.js';
import { label } from './explain.js';
import { listed, shownName } from './found-value.js';
import { isGroup, type Settings } from './settings.js';

/** A store on the servers of a transport needs a transport that has such servers. */
export function problemsOfStores(settings: Settings): string[] {
  const transports = settings.get(['transports']);
  const fitting = Object.entries(isGroup(transports) ? transports : {}).flatMap(([name, transport]) =>
    isGroup(transport) && transport['kind'] === 'redis' ? [name] : [],
  );
  return ['deadLetters', 'idempotency', 'control'].flatMap((store) => {
    if (settings.get([store, 'store']) !== 'redis') return [];
    const name = settings.get([store, 'transport']);
    if (name === undefined && fitting.length === 1) return [];
    if (typeof name === 'string' && fitting.includes(name)) return [];
    const known = fitting.length === 0 ? 'There is none' : `Configured: ${listed(fitting)}`;
    return [
      name === undefined
        ? `${label([store, 'store'], settings)} is redis, which needs one transport of that kind, or ${store}.transport to say which. ${known}.`
        : `${label([store, 'transport'], settings)} must name a transport of the kind redis. ${known}.`,
    ];
  });
}

/** The members of a composite must exist, be named once, and not contain the composite. */
export function problemsOfMembers(settings: Settings): string[] {
  const transports = settings.get(['transports']);
  if (!isGroup(transports)) return [];
  const membersOf = (name: string): readonly string[] => {
    const transport = transports[name];
    if (!isGroup(transport)) return [];
    const { members, transport: inner, spool } = transport;
    const named: unknown[] = Array.isArray(members) ? members : [inner, spool];
    return named.filter((member) => typeof member === 'string');
  };
  return Object.entries(transports).flatMap(([name, transport]) => {
    const key = isGroup(transport) && transport['members'] === undefined ? [] : ['members'];
    const at = label(['transports', name, ...key], settings);
    const members = membersOf(name);
    const known = Object.keys(transports);
    const twice = members.filter(
      (member, index) => known.includes(member) && members.indexOf(member) !== index,
    );
    return [
      ...members.flatMap((member) => problemsOfName(member, at, known)),
      ...twice.map((member) => `${at} names ${JSON.stringify(member)} twice.`),
      ...(leadsTo(name, name, membersOf, new Set()) ? [`${at} leads back to "${name}" itself.`] : []),
    ];
  });
}

/** A spool has to survive the process, and no other process may write to it meanwhile. */
export function problemsOfSpools(settings: Settings): string[] {
  const transports = settings.get(['transports']);
  if (!isGroup(transports)) return [];
  return Object.entries(transports).flatMap(([name, transport]) => {
    if (!isGroup(transport) || typeof transport['spool'] !== 'string') return [];
    const spool = transports[transport['spool']];
    if (!isGroup(spool) || spool['kind'] === 'embedded') return [];
    const at = label(['transports', name, 'spool'], settings);
    return [`${at} must name a transport of the kind embedded, which keeps messages on the local disk.`];
  });
}

function leadsTo(
  from: string,
  target: string,
  membersOf: (name: string) => readonly string[],
  seen: Set<string>,
): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const members = membersOf(from);
  return members.includes(target) || members.some((member) => leadsTo(member, target, membersOf, seen));
}

/** One sentence for a name that no transport has. */
export function problemsOfName(name: string, at: string, known: readonly string[]): string[] {
  if (known.includes(name)) return [];
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `Configured: ${listed(known)}.` : `Did you mean "${nearest}"?`;
  const named = shownName(name, known);
  const which = named === undefined ? 'a transport (name not shown)' : `the transport ${named},`;
  return [`${at} names ${which} which is not configured. ${hint}`];
}
