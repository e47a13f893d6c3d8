import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type { ClientSockets } from './client-sockets.js';

/** A client of kafkajs, or what it makes. */
interface Disconnectable {
  disconnect(): Promise<void>;
}

/** Never rejects. */
async function end(client: Disconnectable): Promise<void> {
  await client.disconnect().catch(() => undefined);
}

/** Ends clients as they want it to be done, but not for longer than this, and then closes what they have left open. */
export async function disconnectWithin(
  timeoutMs: number,
  clients: readonly Disconnectable[],
  sockets: ClientSockets,
): Promise<void> {
  const ended = Promise.all(clients.map(end));
  await settlesWithin(ended, timeoutMs);
  sockets.end();
}

/** Ends a part of a client that goes on otherwise: now, and once more when it is done with what it has begun, for which it connects again. */
export async function disconnectAlsoAfter(client: Disconnectable, begun: Promise<unknown>): Promise<void> {
  const again = (): Promise<void> => end(client);
  void begun.then(again, again);
  await end(client);
}
