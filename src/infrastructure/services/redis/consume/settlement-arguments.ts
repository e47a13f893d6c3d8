import type { Settled } from './redis-settler.js';
import type { Argument } from '../scripts/script-call.js';

/**
 * Ids of entries of the topic's stream that are simply done: nothing else is kept about them, so that the server's own command
 * is enough, which costs it a tenth of a script. Undefined when any of them is more than that.
 */
export function plainAcknowledgements(settled: readonly Settled[], hasLocks: boolean): string[] | undefined {
  const ids: string[] = [];
  for (const { item, settlement } of settled) {
    if (settlement.kind !== 'ack' || item.origin.source !== 1 || item.crashes > 0) return undefined;
    if (hasLocks && item.message.key !== undefined) return undefined;
    ids.push(item.entryId);
  }
  return ids;
}

/** Seven arguments a settlement, in the order of the script. */
export function settlementArguments(settled: readonly Settled[]): Argument[] {
  return settled.flatMap(
    ({ item: { origin, entryId, message, attempt, crashes }, settlement }): Argument[] => {
      const key = message.key === undefined ? '' : `=${message.key}`;
      const about = [origin.source, entryId, key, crashes > 0 ? 1 : 0];
      if (settlement.kind === 'ack') return [...about, '', '', ''];
      const headers = settlement.headers ? { ...message.headers, ...settlement.headers } : message.headers;
      const delayMs = Math.max(0, Math.ceil(settlement.delayMs));
      return [...about, delayMs, attempt + 1, JSON.stringify(headers)];
    },
  );
}
