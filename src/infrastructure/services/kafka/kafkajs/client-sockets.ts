import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import type { HostAndPort } from '../../addresses/host-and-port.js';
import { namedTls } from '../../tls/tls-options.js';
import { ClientClosedError } from '../client/kafka-errors.js';

/** The client's own default. */
const KEEP_ALIVE_DELAY_MS = 60_000;

const COLON = '%3A';

/** A broker as the client takes it: it splits the text at each colon, also at those of an IPv6 address. */
export function seedOf({ host, port }: HostAndPort): string {
  return `${host.replaceAll(':', COLON)}:${port}`;
}

/**
 * The connections of one client. A client that is disconnected during a request connects again to finish it, and one that waits for a
 * silent broker may never close its connection: either would keep the process alive for ever.
 */
export class ClientSockets {
  readonly #open = new Set<Socket>();
  #isEnded = false;

  readonly create: ISocketFactory = ({ host: written, port, ssl, onConnect }) => {
    const encrypted = ssl as typeof ssl | undefined;
    const host = written.replaceAll(COLON, ':');
    const socket = encrypted
      ? connectTls({ host, port, ...namedTls(encrypted, host) }, onConnect)
      : connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    socket.setNoDelay(true); // a request must not wait until the one before it is acknowledged: that can take 40 ms
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    if (this.#isEnded) socket.destroy(closedError());
    return socket;
  };

  /** Permanently: every connection that the client opens from now on is closed at once. */
  end(): void {
    this.#isEnded = true;
    for (const socket of this.#open) socket.destroy(closedError());
  }
}

/** An error, because the client waits for answers, and keeps timers for them, on a connection that is closed without one. */
function closedError(): Error {
  return new ClientClosedError('The client was closed while a request was under way.');
}
