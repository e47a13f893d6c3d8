import { connect, createServer, type Server, type Socket } from 'node:net';

import { FaultPipe, type Faults, NO_FAULTS } from './fault-pipe.js';
import { freePorts } from './server-process.js';

export interface FaultProxyOptions {
  readonly targetPort: number;
  /** @default 127.0.0.1 */
  readonly targetHost?: string;
  /** @default a free one */
  readonly port?: number;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: FaultPipe;
  readonly down: FaultPipe;
}

/** A line to a server that a test can make slow, lossy, silent or dead while it is in use. */
export class FaultProxy {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Connections so far. */
  accepted = 0;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #connections = new Set<Connection>();
  #faults = NO_FAULTS;
  #server: Server | undefined;

  constructor(port: number, { targetPort, targetHost = '127.0.0.1' }: FaultProxyOptions) {
    this.port = port;
    this.#target = { host: targetHost, port: targetPort };
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Adds to the faults that are in effect, for existing connections as well. */
  inject(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
    if (this.#faults.mode === 'reset') this.resetAll();
    for (const { up, down } of this.#connections) {
      up.changed();
      down.changed();
    }
  }

  /** Takes all faults back; existing connections go on. Does not undo `down`. */
  heal(): void {
    this.inject(NO_FAULTS);
  }

  /** Resets the connections that are open now. */
  resetAll(): void {
    for (const connection of [...this.#connections]) this.#reset(connection);
  }

  /** Refuses connections and resets the existing ones. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.resetAll();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  /** Listens, again on the same port. */
  async up(): Promise<void> {
    if (this.#server) return;
    // Half-open, because the end of one direction says nothing about the other one.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.port, this.host, resolve);
    });
  }

  async stop(): Promise<void> {
    await this.down();
  }

  #accept(client: Socket): void {
    this.accepted++;
    if (this.#faults.mode === 'reset' || !this.#server) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const common = { faults: () => this.#faults, reset: () => this.#reset(connection) };
    const connection: Connection = {
      client,
      server,
      up: new FaultPipe({ ...common, direction: 'up', source: client, sink: server }),
      down: new FaultPipe({ ...common, direction: 'down', source: server, sink: client }),
    };
    this.#connections.add(connection);
    for (const socket of [client, server])
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) this.#forget(connection);
      });
  }

  #reset(connection: Connection): void {
    this.#forget(connection);
    for (const socket of [connection.client, connection.server]) {
      if (socket.destroyed) continue;
      // Node cannot reset a socket that it is shutting down, and would leave it open for ever.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    connection.up.close();
    connection.down.close();
  }
}

/** Starts a proxy that listens on loopback and passes everything on until a test injects a fault. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options.port ?? (await freePorts(1))[0]!, options);
  await proxy.up();
  return proxy;
}
