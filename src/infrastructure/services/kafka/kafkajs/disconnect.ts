import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type { ClientSockets } from './client-sockets.js';

/** An admin, producer or consumer of kafkajs. */
interface Disconnectable {
  disconnect(): Promise<void>;
}

/** Never rejects. */
async function end(client: Disconnectable): Promise<void> {
  await client.disconnect().catch(() => undefined);
}

/** Disconnects clients, waiting at most this long, then closes the sockets that they have left open. */
export async function disconnectWithin(
  timeoutMs: number,
  clients: readonly Disconnectable[],
  sockets: ClientSockets,
): Promise<void> {
  const ended = Promise.all(clients.map(end));
  await settlesWithin(ended, timeoutMs);
  sockets.end();
}

/** Disconnects a part of a client: now, and again once its request in flight has ended, for which it reconnects. */
export async function disconnectAlsoAfter(client: Disconnectable, begun: Promise<unknown>): Promise<void> {
  const again = (): Promise<void> => end(client);
  void begun.then(again, again);
  await end(client);
}
