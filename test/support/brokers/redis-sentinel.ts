import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type RedisAddress, redisCommand } from './redis-command.js';
import { type RedisServer, startRedis, tlsSettings } from './redis-server.js';
import { freePorts, ServerProcess } from './server-process.js';
import type { TlsFiles } from './test-certificates.js';
import { waitUntil } from './wait-until.js';

export interface RedisSentinelOptions {
  /** Of the data servers; the sentinels have none. */
  readonly password?: string;
  /** Of all six, which talk to each other with TLS only as well. */
  readonly tls?: TlsFiles;
  /** Further arguments of the data servers. */
  readonly args?: readonly string[];
  /** Silence after which a sentinel takes the primary for dead. @default 1500 */
  readonly downAfterMs?: number;
}

const REPLICAS = 2;
const SENTINELS = 3;
const QUORUM = 2;
const HOST = '127.0.0.1';
const REPLICATION = [
  '--repl-diskless-sync-delay',
  '0',
  '--repl-ping-replica-period',
  '1',
  '--repl-timeout',
  '10',
];

/** One of the three that watch the data servers. */
export interface Sentinel extends RedisAddress {
  readonly process: ServerProcess;
}

/** A primary, two replicas and three sentinels of a test, who know each other. */
export class RedisSentinelSetup {
  readonly name = 'switchyard-test';
  readonly nodes: readonly RedisServer[];
  readonly password: string | undefined;
  readonly #sentinels: readonly Sentinel[];
  readonly #directory: string;

  constructor(
    nodes: readonly RedisServer[],
    sentinels: readonly Sentinel[],
    { directory, password }: { directory: string; password: string | undefined },
  ) {
    this.nodes = nodes;
    this.password = password;
    this.#sentinels = sentinels;
    this.#directory = directory;
  }

  /** For clients. */
  get sentinels(): readonly { readonly host: string; readonly port: number }[] {
    return this.#sentinels.map(({ host, port }) => ({ host, port }));
  }

  /** For tests that pause or kill one of them. */
  get sentinelProcesses(): readonly ServerProcess[] {
    return this.#sentinels.map(({ process }) => process);
  }

  /** The one that most sentinels call the primary. It may be dead. */
  async primary(): Promise<RedisServer> {
    const ports = await Promise.all(this.#sentinels.map((sentinel) => this.#primaryPort(sentinel)));
    const node = this.nodes.find(({ port }) => ports.filter((each) => each === port).length >= QUORUM);
    if (!node) throw new Error('The sentinels do not agree on a primary.');
    return node;
  }

  async replicas(): Promise<readonly RedisServer[]> {
    const primary = await this.primary();
    return this.nodes.filter((node) => node !== primary);
  }

  /** SIGKILL for the primary, which is returned; does not wait for another one. */
  async killPrimary(): Promise<RedisServer> {
    const primary = await this.primary();
    await primary.kill();
    return primary;
  }

  /** Resolves with the new primary as soon as the sentinels have made one of another server and it takes writes. */
  async failedOver(from: RedisServer): Promise<RedisServer> {
    await waitUntil(`there is another primary than ${from.port}`, async () => {
      const primary = await this.primary();
      return primary !== from && (await roleOf(primary)) === 'master';
    });
    return this.primary();
  }

  /** Starts a dead server again as a replica of the current primary and waits until it has caught up. */
  async reviveAsReplica(node: RedisServer): Promise<void> {
    const primary = await this.primary();
    if (primary === node) throw new Error(`${node.port} is still the primary: wait for the failover first.`);
    await node.restart(['--replicaof', HOST, String(primary.port)]);
    await waitUntil(`${node.port} is a replica again`, () => isInSync(node));
  }

  /** Resolves when every sentinel sees both replicas and both other sentinels, and the replicas are in sync. */
  async ready(): Promise<void> {
    await waitUntil('the sentinels and replicas know each other', async () => {
      const seen = await Promise.all(this.#sentinels.map((sentinel) => this.#sees(sentinel)));
      if (seen.includes(false)) return false;
      const synced = await Promise.all((await this.replicas()).map(isInSync));
      return !synced.includes(false);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.sentinelProcesses.map((each) => each.stop('SIGKILL')));
    await Promise.all(this.nodes.map((node) => node.stop()));
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async #primaryPort(sentinel: Sentinel): Promise<number> {
    if (!sentinel.process.isRunning) return 0;
    const answer = await ask(sentinel, 'SENTINEL', 'get-master-addr-by-name', this.name).catch(() => []);
    return Number(Array.isArray(answer) ? answer[1] : 0);
  }

  async #sees(sentinel: Sentinel): Promise<boolean> {
    const answer = (await ask(sentinel, 'SENTINEL', 'master', this.name)) as string[];
    const field = (name: string): string | undefined => answer[answer.indexOf(name) + 1];
    return (
      field('flags') === 'master' &&
      field('num-slaves') === String(REPLICAS) &&
      field('num-other-sentinels') === String(SENTINELS - 1)
    );
  }
}

/** Starts all six processes and waits until a failover would work. Takes 2 to 3 seconds. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinelSetup> {
  const { password, tls } = options;
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-sentinel-'));
  const nodes: RedisServer[] = [];
  const sentinels: Sentinel[] = [];
  const setup = new RedisSentinelSetup(nodes, sentinels, { directory, password });
  try {
    const primary = await startRedis(dataServer(options));
    nodes.push(primary);
    for (let replica = 0; replica < REPLICAS; replica++)
      nodes.push(await startRedis(dataServer(options, ['--replicaof', HOST, String(primary.port)])));
    for (const port of await freePorts(SENTINELS))
      sentinels.push(
        startSentinel(
          { host: HOST, port, ...(tls ? { tls: { ca: tls.ca } } : {}) },
          join(directory, String(port)),
          [...listening(port, tls), ...configOf(setup.name, primary, options)],
        ),
      );
    await setup.ready();
    return setup;
  } catch (error) {
    await setup.stop();
    throw error;
  }
}

function dataServer({ password, tls, args = [] }: RedisSentinelOptions, role: readonly string[] = []) {
  const login = { ...(password === undefined ? {} : { password }), ...(tls && { tls }) };
  const replicaLogin = password === undefined ? [] : ['--masterauth', password];
  return { ...login, args: [...REPLICATION, ...replicaLogin, ...args, ...role] };
}

function configOf(name: string, primary: RedisServer, options: RedisSentinelOptions): readonly string[] {
  return [
    `sentinel monitor ${name} ${HOST} ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${name} ${options.downAfterMs ?? 1_500}`,
    `sentinel failover-timeout ${name} 6000`,
    `sentinel parallel-syncs ${name} 1`,
    ...(options.password === undefined ? [] : [`sentinel auth-pass ${name} "${options.password}"`]),
  ];
}

function listening(port: number, tls: TlsFiles | undefined): readonly string[] {
  const settings = tls ? tlsSettings(tls, port) : { port: String(port) };
  return Object.entries(settings).map(([name, value]) => `${name} ${value}`);
}

function startSentinel(address: RedisAddress, directory: string, lines: readonly string[]): Sentinel {
  mkdirSync(directory);
  const file = join(directory, 'sentinel.conf'); // the sentinel rewrites it, so each has its own
  writeFileSync(file, [`bind ${HOST}`, `dir ${directory}`, ...lines, ''].join('\n'));
  const process = new ServerProcess({
    name: `sentinel ${address.port}`,
    command: 'redis-server',
    args: [file, '--sentinel'],
    cwd: directory,
  });
  return { ...address, process };
}

function ask({ process: _, ...address }: Sentinel, name: string, ...args: string[]): Promise<unknown> {
  return redisCommand(address, name, ...args);
}

async function roleOf(node: RedisServer): Promise<unknown> {
  return ((await node.command('ROLE')) as unknown[])[0];
}

async function isInSync(node: RedisServer): Promise<boolean> {
  const [role, , , state] = (await node.command('ROLE')) as unknown[];
  return role === 'slave' && state === 'connected';
}
