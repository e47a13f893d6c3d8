import { loadIoredis, type Redis } from '../client/ioredis-client.js';
import { connectionOptions, type RedisConnection } from '../connection/redis-connection.js';
import type { RedisServerOptions } from '../redis.options.js';
import type { Argument } from '../scripts/script-call.js';

/** A server that waits for entries says nothing for so long, and then that there are none. */
export const BLOCK_MS = 5_000;

/**
 * The connection of one consumer, on which it waits for entries without holding up anybody else.
 *
 * It does not come back by itself: whoever uses it opens another, because after a failover or a move of slots the entries may
 * be on another server.
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

  /** Nothing waits on it, so that another command would be carried out at once. */
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
    client.on('error', () => undefined); // the command that it hits tells
    this.#client = client;
    await client.connect();
    if (this.#isClosed) this.drop();
  }

  /** Replies are bytes. Rejects with what the client says. */
  async callBuffer(command: string, ...args: Argument[]): Promise<unknown> {
    if (!this.#client) throw new Error('Redis is not connected');
    writeTogether(this.#client);
    return this.#client.callBuffer(command, args);
  }

  /** Lets go what was called in this turn, which would otherwise leave at its end. */
  send(): void {
    this.#client?.stream.uncork();
  }

  /** As {@link callBuffer}, for a command that the server may take its time for: others would have to wait behind it. */
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

  /** Loses the connection, and with it what waits. */
  drop(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  /** In a cluster, the node that has the slot of the key. */
  async #server(): Promise<{ host: string; port: number } | undefined> {
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

/** What is sent in one turn leaves in one write: a consumer of one message at a time acknowledges and reads in the same turn. */
function writeTogether({ stream }: Redis): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}
