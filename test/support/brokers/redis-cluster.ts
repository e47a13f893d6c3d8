import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { type RedisServer, startRedis } from './redis-server.js';
import { freePorts } from './server-process.js';
import type { TlsFiles } from './test-certificates.js';
import { type ClusterNodeState, moveOf, parseClusterNodes, type SlotMove } from './redis-slots.js';
import { waitUntil } from './wait-until.js';

export interface RedisClusterOptions {
  readonly password?: string;
  /** Everybody talks to them, and they to each other, with TLS only. */
  readonly tls?: TlsFiles;
  /** Further arguments of all nodes. */
  readonly args?: readonly string[];
  /** Silence after which the nodes take one of them for dead. @default 2000 */
  readonly nodeTimeoutMs?: number;
}

const NODES = 6;
const REPLICAS = 3;
/** Nodes talk to each other on a second port, this far above the one for clients. */
const BUS_OFFSET = 10_000;
const CREATE_TIMEOUT_MS = 60_000;
const COMMON = [
  '--cluster-enabled',
  'yes',
  '--cluster-config-file',
  'nodes.conf',
  '--repl-diskless-sync-delay',
  '0',
];

/** Three primaries with a replica each, of a test. */
export class RedisClusterSetup {
  readonly nodes: readonly RedisServer[];
  readonly password: string | undefined;

  constructor(nodes: readonly RedisServer[], password: string | undefined) {
    this.nodes = nodes;
    this.password = password;
  }

  /** For clients, which find the others from any of them. */
  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.nodes.map(({ host, port }) => ({ host, port }));
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#anyAlive().command('CLUSTER', 'KEYSLOT', key));
  }

  /** The node that the living ones say owns the slot of `key`. It may have died a moment ago. */
  async primaryOf(key: string): Promise<RedisServer> {
    return this.#ownerOf(await this.slotOf(key));
  }

  /** All nodes that own slots. */
  async primaries(): Promise<readonly RedisServer[]> {
    const states = await this.#states();
    return states.filter(({ ranges }) => ranges.length > 0).map(({ port }) => this.#nodeAt(port));
  }

  /** SIGKILL for the primary of the key, which is returned; does not wait for another one. */
  async killPrimaryOf(key: string): Promise<RedisServer> {
    const primary = await this.primaryOf(key);
    await primary.kill();
    return primary;
  }

  /** Resolves with the new primary of the key as soon as all living nodes call the cluster whole again. */
  async failedOver(key: string, from: RedisServer): Promise<RedisServer> {
    await waitUntil(`there is another primary of "${key}" than ${from.port}`, async () => {
      return (await this.primaryOf(key)) !== from && (await this.#isOk());
    });
    return this.primaryOf(key);
  }

  /** Starts a dead node again, which makes a replica of it if another one has taken its place, and waits for that. */
  async revive(node: RedisServer): Promise<void> {
    await node.restart();
    await this.ready();
  }

  /** Resolves when all slots are served and each of the three primaries has a replica that is in sync. */
  async ready(): Promise<void> {
    await waitUntil('the cluster is whole, with three replicas', async () => {
      if (!(await this.#isOk())) return false;
      for (const node of this.nodes) {
        const states = parseClusterNodes(String(await node.command('CLUSTER', 'NODES')));
        if (states.filter(({ isReplica, isFailing }) => isReplica && !isFailing).length !== REPLICAS)
          return false;
        const [role, , , link] = (await node.command('ROLE')) as unknown[];
        if (role === 'slave' && link !== 'connected') return false;
      }
      return true;
    });
  }

  /**
   * Begins to move the slot of `key` to another primary. Until it is finished, keys that have moved are answered with
   * ASK and commands with keys on both sides with TRYAGAIN. @default to any other primary
   */
  async beginMove(key: string, to?: RedisServer): Promise<SlotMove> {
    const slot = await this.slotOf(key);
    const from = await this.#ownerOf(slot);
    const others = (await this.primaries()).filter((node) => node !== from);
    const target = to ?? others[0]!;
    const states = await this.#states();
    const idOf = (node: RedisServer): string => states.find(({ port }) => port === node.port)!.id;
    const move = moveOf(slot, { from, fromId: idOf(from), to: target, toId: idOf(target), others });
    await move.begin();
    return move;
  }

  /** Moves the slot of `key`, with all its keys, to another primary while clients go on. */
  async moveSlotOf(key: string, to?: RedisServer): Promise<SlotMove> {
    const move = await this.beginMove(key, to);
    await move.moveKeys();
    await move.finish();
    return move;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async #isOk(): Promise<boolean> {
    const alive = this.nodes.filter(({ process }) => process.isRunning);
    const infos = await Promise.all(alive.map((node) => node.command('CLUSTER', 'INFO')));
    return infos.every((info) => String(info).includes('cluster_state:ok'));
  }

  async #ownerOf(slot: number): Promise<RedisServer> {
    const owner = (await this.#states()).find(({ ranges }) =>
      ranges.some(([first, last]) => first <= slot && slot <= last),
    );
    if (!owner) throw new Error(`Nobody owns slot ${slot}.`);
    return this.#nodeAt(owner.port);
  }

  async #states(): Promise<readonly ClusterNodeState[]> {
    return parseClusterNodes(String(await this.#anyAlive().command('CLUSTER', 'NODES')));
  }

  #anyAlive(): RedisServer {
    const node = this.nodes.find(({ process }) => process.isRunning);
    if (!node) throw new Error('All nodes of the cluster are dead.');
    return node;
  }

  #nodeAt(port: number): RedisServer {
    return this.nodes.find((node) => node.port === port)!;
  }
}

/** Starts all six nodes and waits until a failover would work. Takes 2 to 5 seconds. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisClusterSetup> {
  const { password, tls, args = [], nodeTimeoutMs = 2_000 } = options;
  const access = { ...(password === undefined ? {} : { password }), ...(tls && { tls }) };
  const replicaLogin = password === undefined ? [] : ['--masterauth', password];
  const nodes: RedisServer[] = [];
  const setup = new RedisClusterSetup(nodes, password);
  try {
    const own = [...COMMON, '--cluster-node-timeout', String(nodeTimeoutMs), ...replicaLogin, ...args];
    for (const port of await freePorts(NODES, BUS_OFFSET))
      nodes.push(await startRedis({ port, ...access, args: own }));
    await create(setup, tls);
    await setup.ready();
    return setup;
  } catch (error) {
    await setup.stop();
    throw error;
  }
}

async function create({ addresses, password }: RedisClusterSetup, tls: TlsFiles | undefined): Promise<void> {
  const nodes = addresses.map(({ host, port }) => `${host}:${port}`);
  await promisify(execFile)(
    'redis-cli',
    [
      ...(tls ? ['--tls', '--cacert', tls.caFile] : []),
      ...['--cluster', 'create', ...nodes, '--cluster-replicas', '1', '--cluster-yes'],
    ],
    {
      timeout: CREATE_TIMEOUT_MS,
      env: { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) },
    },
  );
}
