import type { Socket } from 'node:net';
import { internal, replaceFunction } from './internals.js';

/**
 * Symptom: while brokers are gone, Node warns of a leak (`MaxListenersExceededWarning`, "connect listeners added to [Socket]").
 * Cause: `Connection.disconnect` calls `socket.end()` also on a socket that is destroyed, which then waits to be connected, once
 * more with each call.
 *
 * Public issue: none was found.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-dead-sockets.spec.ts`.
 */
export async function patchDeadSockets(): Promise<void> {
  const connection = await internal<Connection>(() => import('kafkajs/src/network/connection.js'));
  replaceFunction(
    connection?.prototype,
    'disconnect',
    (original) =>
      async function () {
        const result = await original.call(this);
        if (this.socket?.destroyed === true) this.socket.removeAllListeners('connect');
        return result;
      },
  );
}

interface Connection {
  readonly prototype: {
    disconnect?: (this: { readonly socket?: Socket | null }) => Promise<unknown>;
  };
}
