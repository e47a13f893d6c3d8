import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { loadIoredis, type Redis } from '../client/ioredis-client.js';
import { isLoginRejected } from '../client/redis-errors.js';
import { checkLogin } from '../connection/login-check.js';
import { connectionOptions, type RedisConnection, writeTogether } from '../connection/redis-connection.js';
import type { Place } from '../connection/server-addresses.js';
import type { RedisServerOptions } from '../redis.options.js';
import type { Argument } from '../scripts/script-call.js';

/** Longest wait of a blocking read. */
export const BLOCK_MS = 5_000;

/**
 * The connection of one consumer for blocking reads, which would hold up other commands.
 *
 * It does not reconnect by itself: the consumer opens another, because after a failover or a move of slots the entries may be on
 * another server.
 */
export class RedisReader {
  #client: Redis | undefined;
  #slot: number | undefined;
  #isClosed = false;
  #waits = 0;

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: RedisServerOptions,
    private readonly key: string,
  ) {}

  get isOpen(): boolean {
    return this.#client?.status === 'ready';
  }

  /** No blocking read is in flight, so that another command is executed at once. */
  get isFree(): boolean {
    return this.#waits === 0 && this.isOpen;
  }

  /** Connects to the server that has the entries now. */
  async open(): Promise<void> {
    if (this.#client) this.connection.refresh();
    this.drop();
    const { Redis } = await loadIoredis();
    const client = new Redis({
      ...connectionOptions(this.connection.addresses, this.options),
      ...(await this.#server()),
      retryStrategy: null,
      socketTimeout: BLOCK_MS + this.options.commandTimeoutMs,
    });
    let reason: Error | undefined;
    client.on('error', (error) => (reason = error));
    this.#client = client;
    try {
      await client.connect();
    } catch (error) {
      throw isLoginRejected(reason) ? reason : error; // because the client then only says that it is closed
    }
    await this.#requireLogin(client);
    if (this.#isClosed) this.drop();
  }

  async #requireLogin(client: Redis): Promise<void> {
    const { addresses, label } = this.connection;
    const mismatch = await checkLogin(client, addresses);
    if (!mismatch) return;
    this.drop();
    throw new MessagingError('TRANSPORT_UNAVAILABLE', `${label} cannot be used: ${mismatch.message}.`);
  }

  /** Replies are bytes. Rejects with the client's error. */
  async callBuffer(command: string, ...args: Argument[]): Promise<unknown> {
    if (!this.#client) throw new Error('Redis is not connected');
    // With one message at a time, a consumer acknowledges and reads in one turn.
    writeTogether(this.#client);
    return this.#client.callBuffer(command, args);
  }

  /** Sends the commands of this turn of the event loop now instead of at its end. */
  send(): void {
    this.#client?.stream.uncork();
  }

  /** As {@link callBuffer}, for a blocking command. */
  async waitFor(command: string, ...args: Argument[]): Promise<unknown> {
    this.#waits += 1;
    try {
      return await this.callBuffer(command, ...args);
    } finally {
      this.#waits -= 1;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  /** Closes the connection; commands in flight reject. */
  drop(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  /** In a cluster, the node that has the slot of the key. */
  async #server(): Promise<Place | undefined> {
    if (this.connection.addresses.mode !== 'cluster') return undefined;
    this.#slot ??= Number(await this.connection.call('cluster', 'KEYSLOT', this.key));
    const server = this.connection.serverOf(this.#slot);
    if (!server) {
      this.connection.refresh();
      throw new Error('Redis is not connected');
    }
    return { ...server };
  }
}
