import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type RedisAddress, redisCommand } from './redis-command.js';
import { freePorts, isListening, ServerProcess } from './server-process.js';
import type { TlsFiles } from './test-certificates.js';

export interface RedisServerOptions {
  /** Further arguments; a later one wins over what is set here, for example `['--appendfsync', 'always']`. */
  readonly args?: readonly string[];
  /** Listens with TLS and without plain text. Clients need not have a certificate. */
  readonly tls?: TlsFiles;
  /** Path of the program. @default `redis-server` of the machine */
  readonly program?: string;
  /** For the user `default`. */
  readonly password?: string;
  /** @default a free one */
  readonly port?: number;
  /** For the data; stays when the server is stopped if it is given. @default one of its own, removed by `stop` */
  readonly directory?: string;
}

/** A Redis server of a test: every write is on its way to the disk within a second, nothing is ever evicted. */
export class RedisServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly directory: string;
  readonly password: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly #args: readonly string[];
  readonly #program: string;
  readonly #ownsDirectory: boolean;
  #process: ServerProcess;

  constructor(port: number, { args = [], program = 'redis-server', ...options }: RedisServerOptions) {
    const { tls, password, directory } = options;
    this.port = port;
    this.password = password;
    this.tls = tls;
    this.#args = args;
    this.#program = program;
    this.#ownsDirectory = directory === undefined;
    this.directory = directory ?? mkdtempSync(join(tmpdir(), 'switchyard-redis-'));
    mkdirSync(this.directory, { recursive: true });
    this.#process = this.#spawn();
  }

  /** With the password, for clients. */
  get url(): string {
    const login = this.password === undefined ? '' : `:${encodeURIComponent(this.password)}@`;
    return `${this.tls ? 'rediss' : 'redis'}://${login}${this.host}:${this.port}`;
  }

  /** The one that runs now, or ran last. */
  get process(): ServerProcess {
    return this.#process;
  }

  /** What a client of ioredis needs. */
  get clientOptions(): RedisAddress {
    return {
      host: this.host,
      port: this.port,
      ...(this.password === undefined ? {} : { password: this.password }),
      ...(this.tls === undefined ? {} : { tls: { ca: this.tls.ca } }),
    };
  }

  /** Resolves as soon as it answers, which with a large data directory comes long after it listens. */
  async ready(timeoutMs?: number): Promise<void> {
    await this.#process.ready(async () => (await this.command('PING')) === 'PONG', timeoutMs);
  }

  /** One command over a connection of its own. Rejects after 5 s without a connection or an answer. */
  command(name: string, ...args: (string | number)[]): Promise<unknown> {
    return redisCommand(this.clientOptions, name, ...args);
  }

  /** SIGKILL: what the kernel has is kept, what the server had in its own buffers is lost. */
  async kill(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  /** Starts it again on the same port and data directory, after stopping it if it still runs. */
  async restart(extraArgs: readonly string[] = []): Promise<void> {
    await this.#process.stop();
    this.#process = this.#spawn(extraArgs);
    await this.ready();
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** Ends it and removes its directory, unless that was given. */
  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
    if (this.#ownsDirectory) rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #spawn(extraArgs: readonly string[] = []): ServerProcess {
    return new ServerProcess({
      name: `redis-server ${this.port}`,
      command: this.#program,
      args: [...this.#settings(), ...this.#args, ...extraArgs],
      cwd: this.directory,
    });
  }

  #settings(): string[] {
    const settings: Record<string, string> = {
      ...(this.tls ? tlsSettings(this.tls, this.port) : { port: String(this.port) }),
      bind: this.host,
      dir: this.directory,
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'auto-aof-rewrite-percentage': '0',
      'maxmemory-policy': 'noeviction',
      ...(this.password === undefined ? {} : { requirepass: this.password }),
    };
    return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  }
}

/** Starts a server and waits until it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePorts(1))[0]!;
  if (await isListening(port))
    throw new Error(`Port ${port} is taken: no Redis server can be started on it.`);
  const server = new RedisServer(port, options);
  try {
    await server.ready();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Without a port for plain text; clients need no certificate. */
export function tlsSettings(files: TlsFiles, port: number): Record<string, string> {
  return {
    port: '0',
    'tls-port': String(port),
    'tls-cert-file': files.certificateFile,
    'tls-key-file': files.keyFile,
    'tls-ca-cert-file': files.caFile,
    'tls-auth-clients': 'no',
    'tls-replication': 'yes',
    'tls-cluster': 'yes',
  };
}
