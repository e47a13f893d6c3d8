/** One file because connecting, checking the server and calling its commands share one client. */
import { nextTick, systemClock } from '../../../../core/messaging/ports/clock.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { watchCluster } from './cluster-watch.js';
import { type Cluster, type IoredisOptions, loadIoredis, type Redis } from '../client/ioredis-client.js';
import {
  FOUND_REPLICA,
  isFatal,
  isLoginRejected,
  isReplicaError,
  LoginMismatch,
  reactionTo,
  reasonOf,
  replyCode,
} from '../client/redis-errors.js';
import { checkLogin } from './login-check.js';
import type { RedisServerOptions } from '../redis.options.js';
import type { RedisScript } from '../scripts/redis-script.js';
import { type Argument, type EvalCommand, type ScriptCall, scriptCommands } from '../scripts/script-call.js';
import { addressesOf, type Place, type ServerAddresses } from './server-addresses.js';

/** Called when the connection becomes usable and when it is lost, in turn. */
export interface ConnectionListener {
  onUp?(): void;
  onDown?(error: Error | undefined): void;
  /** An error reply has made it connect again; other connections to the server may do the same. */
  onReconnect?(error: Error): void;
  /** The server rejects the login of a connection that was usable before. Lasts until `onUp`. */
  onLoginRejected?(error: Error): void;
}

const RECONNECT_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;
/** Shortest time between two reconnects that an error reply has caused. */
const REACTION_INTERVAL_MS = 250;

/**
 * A connection to one server, to the primary behind sentinels or to a cluster, that reconnects by itself.
 *
 * It queues nothing: while it is down, commands fail at once, and commands in flight fail when it goes down. The caller repeats a
 * command, because only the caller knows whether that is safe.
 */
export class RedisConnection {
  readonly addresses: ServerAddresses;
  readonly #options: RedisServerOptions;
  readonly #listener: ConnectionListener;
  #client: Redis | Cluster | undefined;
  /** Shared by all callers meanwhile: a transport may have several owners. */
  #connecting: Promise<void> | undefined;
  #isUp = false;
  #isClosed = false;
  #lastError: Error | undefined;
  #endWatch = (): void => undefined;
  #wasUp = false;
  #reactedAt = -Infinity;
  /** Connections in a row that led to a replica, or to a server that has not what was asked for. */
  #serversRejected = 0;
  #commandOf: ReturnType<typeof scriptCommands> | undefined;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(name: string, options: RedisServerOptions, listener: ConnectionListener = {}) {
    this.addresses = addressesOf(name, options);
    this.#options = options;
    this.#listener = listener;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why it is down, as the end of a sentence. Empty where that is not known. */
  get whyDown(): string {
    return this.#isUp ? '' : reasonOf(this.#lastError);
  }

  get label(): string {
    return this.addresses.label;
  }

  /** Resolves once it is usable; afterwards it reconnects for ever. Rejects after `connectTimeoutMs`, and may be called again. */
  connect(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    if (this.#isUp) return;
    if (this.#isClosed) throw new MessagingError('TRANSPORT_CLOSED', `${this.label} is closed.`);
    const client = await this.#create();
    this.#client = client;
    try {
      await this.#firstReady(client);
      if (client.isCluster) await this.#checkCluster(client as Cluster);
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      this.#endWatch();
      client.disconnect();
      throw error;
    }
  }

  /** Sends one command; replies are texts. Rejects with the client's error, which {@link failureOf} explains. */
  call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#observed((client) => client.call(command, args));
  }

  /** As `call`, with replies as bytes. */
  callBuffer(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#observed((client) => client.callBuffer(command, args));
  }

  /** Runs a script, whose text is sent only to a server that does not know it yet. */
  run(script: RedisScript, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#run({ script, keys, args }, 'utf8');
  }

  /** As `run`, with replies as bytes. */
  runBuffer(script: RedisScript, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#run({ script, keys, args }, null);
  }

  /** Runs a script and, behind it on the same connection, waits for replicas. Resolves with both replies. */
  async runAndWait(
    { script, keys, args }: ScriptCall,
    replicas: { readonly count: number; readonly timeoutMs: number },
  ): Promise<readonly [unknown, number]> {
    const client = this.#client;
    if (!client || !this.#isUp) throw notConnected();
    const send = async (name: 'evalsha' | 'eval', source: string): Promise<readonly [unknown, number]> => {
      const results = await client
        .pipeline()
        .call(name, [source, keys.length, ...keys, ...args])
        .wait(replicas.count, replicas.timeoutMs)
        .exec();
      const [ran, waited] = results ?? [];
      if (ran?.[0]) throw ran[0];
      return [ran?.[1], Number(waited?.[1] ?? 0)];
    };
    try {
      return await send('evalsha', script.sha);
    } catch (error) {
      if (replyCode(error) === 'NOSCRIPT') return send('eval', script.lua);
      this.react(error);
      throw error;
    }
  }

  /**
   * Reconnects, or refreshes the slots of a cluster, where an error says that this helps. Called for every error that a command or
   * a script rejects with; callers pass on the errors that a script returned as data.
   */
  react(error: unknown): void {
    const reaction = reactionTo(error);
    if (reaction === undefined) return;
    const client = this.#client;
    if (reaction === 'refresh' || client?.isCluster) {
      this.refresh();
      return;
    }
    const now = systemClock.monotonic();
    if (!client || !this.#isUp || now - this.#reactedAt < REACTION_INTERVAL_MS) return;
    this.#reactedAt = now;
    this.#lastError = error as Error;
    client.disconnect(true);
    this.#listener.onReconnect?.(error as Error);
  }

  /** The server that has this key now, for a connection of its own. Undefined where there is only one. */
  serverOf(slot: number): Place | undefined {
    const client = this.#client;
    if (!client?.isCluster) return undefined;
    const node = (client as Cluster).slots[slot]?.[0];
    return node === undefined ? undefined : this.addresses.placeAt(node);
  }

  /** Makes the client refresh the slots of a cluster. Without effect elsewhere. */
  refresh(): void {
    const client = this.#client;
    if (client?.isCluster && this.#isUp) (client as Cluster).refreshSlotsCache(() => undefined);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#endWatch();
    this.#client?.disconnect();
    this.#client = undefined;
    this.#isUp = false;
    return Promise.resolve();
  }

  async #observed(ask: (client: Redis | Cluster) => Promise<unknown>): Promise<unknown> {
    const client = this.#client;
    if (!client || !this.#isUp) throw notConnected();
    try {
      return await ask(client);
    } catch (error) {
      this.react(error);
      throw error;
    }
  }

  async #run(call: ScriptCall, replyEncoding: 'utf8' | null): Promise<unknown> {
    try {
      return await this.#send('evalsha', call, replyEncoding);
    } catch (error) {
      if (replyCode(error) === 'NOSCRIPT')
        return this.#observed(() => this.#send('eval', call, replyEncoding));
      this.react(error);
      throw error;
    }
  }

  #send(how: EvalCommand, call: ScriptCall, replyEncoding: 'utf8' | null): Promise<unknown> {
    const command = this.#isUp && this.#commandOf?.(how, call, replyEncoding);
    if (!this.#client || !command) return Promise.reject(notConnected());
    return this.#client.sendCommand(command) as Promise<unknown>;
  }

  async #create(): Promise<Redis | Cluster> {
    const { Redis, Cluster, Command } = await loadIoredis();
    this.#commandOf = scriptCommands(Command);
    const options = {
      ...connectionOptions(this.addresses, this.#options),
      retryStrategy: (times: number) => reconnectDelay(Math.max(times, this.#serversRejected)),
    };
    if (this.addresses.mode !== 'cluster') return new Redis(options);
    const { retryStrategy: _each, enableOfflineQueue: _queue, ...redisOptions } = withoutPlace(options);
    return new Cluster([...this.addresses.nodes], {
      redisOptions,
      lazyConnect: true,
      enableOfflineQueue: true, // because otherwise commands for a node that is connecting would be refused
      clusterRetryStrategy: reconnectDelay,
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshInterval: 0, // see watchCluster
      slotsRefreshTimeout: this.#options.commandTimeoutMs,
      dnsLookup: (address, callback) => callback(null, address),
      natMap: this.addresses.placeOf,
    });
  }

  /** Resolves when it is up for the first time. Every later change goes to the listener. */
  #firstReady(client: Redis | Cluster): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(this.#whyNot());
      const report = (isUp: boolean): void => {
        if (this.#client !== client) return;
        this.#setUp(isUp);
        if (isUp) resolve();
      };
      client.on('error', (error: Error) => {
        if (isOfDatabase(error)) return; // because the check of the login finds it again and says more
        this.#note(error);
        if (isFatal(error)) fail();
      });
      if (client.isCluster) this.#watchCluster(client as Cluster, { report, fail });
      else
        client
          .on('ready', () => void this.#readyAgain(client as Redis, { up: () => report(true), fail }))
          .on('close', () => report(false));
      client.connect().catch((error: unknown) => (this.#lastError ??= error as Error));
    });
    return withDeadline(ready, this.#options.connectTimeoutMs, () => this.#whyNot());
  }

  #watchCluster(
    cluster: Cluster,
    { report, fail }: { readonly report: (isUp: boolean) => void; readonly fail: () => void },
  ): void {
    cluster.on('node error', (error: Error) => {
      this.#note(error);
      if (isFatal(error)) fail();
    });
    this.#endWatch = watchCluster(cluster, report);
  }

  async #checkCluster(cluster: Cluster): Promise<void> {
    const mismatch = await checkLogin(cluster, this.addresses);
    if (!mismatch) return;
    this.#setUp(false);
    this.#lastError = mismatch;
    throw this.#whyNot();
  }

  /** Keeps the error that names the cause instead of the client's later summary of it. */
  #note(error: Error): void {
    if (!this.#lastError || reasonOf(error) !== '') this.#lastError = error;
    if (this.#wasUp && !this.#isUp && isLoginRejected(error))
      this.#listener.onLoginRejected?.(this.#whyNot());
  }

  /** A server that was a replica is used again only once it is a primary, or another server is at its address. */
  async #readyAgain(
    client: Redis,
    { up, fail }: { readonly up: () => void; readonly fail: () => void },
  ): Promise<void> {
    if (isReplicaError(this.#lastError) && (await isReplica(client))) {
      this.#rejected(client, FOUND_REPLICA);
      return;
    }
    const mismatch = await checkLogin(client, this.addresses).catch(() => undefined);
    if (mismatch) {
      this.#rejected(client, mismatch);
      fail();
      return;
    }
    this.#serversRejected = 0;
    if (client.status === 'ready') up();
  }

  /** Connects again, because another server may be at the address by then, or this one may have changed. */
  #rejected(client: Redis, why: Error): void {
    this.#serversRejected += 1;
    this.#lastError = why;
    client.disconnect(true);
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    if (isUp) {
      this.#wasUp = true;
      this.#lastError = undefined;
      this.#listener.onUp?.();
    } else {
      this.#listener.onDown?.(this.#lastError && this.#whyNot());
    }
  }

  #whyNot(): MessagingError {
    const why = reasonOf(this.#lastError);
    return this.#lastError instanceof LoginMismatch
      ? new MessagingError('CONFIGURATION', `${this.label} cannot be used${why}.`)
      : new MessagingError('TRANSPORT_UNAVAILABLE', `${this.label} cannot be reached${why}.`);
  }
}

/** Options of every connection to a data server. */
export function connectionOptions(
  { common }: ServerAddresses,
  options: Pick<RedisServerOptions, 'connectTimeoutMs' | 'commandTimeoutMs'>,
): IoredisOptions {
  return {
    ...common,
    lazyConnect: true,
    disconnectTimeout: 500,
    protocol: 2, // because RESP3 is not needed, and without it a user needs no permission for HELLO
    disableClientInfo: true,
    connectTimeout: options.connectTimeoutMs,
    socketTimeout: options.commandTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0, // because with any other number a command of a lost connection hangs until a later reconnect fails
    retryStrategy: reconnectDelay,
    sentinelRetryStrategy: reconnectDelay,
  };
}

/** The client's own selection of the database has failed, after which it continues with database 0. */
function isOfDatabase(error: Error & { readonly command?: { readonly name?: string } }): boolean {
  return error.command?.name === 'select';
}

/** False where the user may not ask. */
async function isReplica(client: Redis): Promise<boolean> {
  const text = await client.call('info', ['replication']).catch(() => '');
  return String(text).includes('role:slave');
}

/** Without the address, which differs between the nodes of a cluster. */
function withoutPlace({
  host: _host,
  port: _port,
  path: _path,
  sentinels: _sentinels,
  ...options
}: IoredisOptions): Omit<IoredisOptions, 'host' | 'port' | 'path' | 'sentinels'> {
  return options;
}

function reconnectDelay(times: number): number {
  return backoffMs(times, RECONNECT_BACKOFF);
}

/** One write for each turn of the event loop. */
export function writeTogether({ stream }: Redis): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  nextTick(() => stream.uncork());
}

function notConnected(): Error {
  return new Error('Redis is not connected');
}
