import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import type { RedisConnection } from './redis-connection.js';

/** With a `commandTimeoutMs` of 5 s, a half-open socket is noticed within 10 s although nothing else uses it. */
const PROBE_MS = 5_000;

/**
 * Asks for a reply on each connection at an interval, because the client notices silence only while a command waits. What the server
 * replies does not matter.
 *
 * @returns ends it.
 */
export function probeAtInterval(connections: readonly RedisConnection[]): () => void {
  return repeatEvery(PROBE_MS, () => {
    for (const connection of connections) if (connection.isUp) connection.call('ping').catch(() => undefined); // the connection reports its loss itself
  });
}
