import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { INSTALLED_RABBITMQ, type RabbitmqInstallation, RabbitmqNode } from './rabbitmq-node.js';
import { freePorts, isListening, ServerProcess } from './server-process.js';
import type { TlsFiles } from './test-certificates.js';
import { waitUntil } from './wait-until.js';

export interface RabbitmqClusterOptions {
  /** @default the one of the system */
  readonly installation?: RabbitmqInstallation;
  /** @default 1 */
  readonly nodes?: number;
  /** Further lines of rabbitmq.conf, for all nodes. */
  readonly config?: readonly string[];
  /** Where the directory of the data is made, which is removed in the end. @default the system's for what is temporary */
  readonly parent?: string;
  /** Listens with TLS and without plain text. */
  readonly tls?: TlsFiles;
}

const CONTROL_TIMEOUT_MS = 60_000;
const READY_TIMEOUT_MS = 120_000;
const HEAL_TIMEOUT_MS = 45_000;

/** One RabbitMQ node or several that form a cluster, of a test. */
export class RabbitmqCluster {
  constructor(
    readonly nodes: readonly RabbitmqNode[],
    private readonly shared: {
      readonly directory: string;
      readonly environment: Readonly<Record<string, string>>;
      readonly mapper: ServerProcess;
      readonly bin: string;
      readonly scheme: 'amqp' | 'amqps';
    },
  ) {}

  /** Of every node, for a user who is asked for nothing on loopback. */
  get urls(): string[] {
    return this.nodes.map(({ port }) => `${this.shared.scheme}://127.0.0.1:${port}`);
  }

  /** Runs rabbitmqctl against a node that runs, and resolves with what it prints. */
  async control(...args: string[]): Promise<string> {
    const node = this.nodes.find(({ process }) => process.isRunning);
    return this.controlOf(node ?? this.nodes[0]!, ...args);
  }

  async controlOf({ name }: RabbitmqNode, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(
      join(this.shared.bin, 'rabbitmqctl'),
      ['-n', name, '-q', ...args],
      {
        env: { LANG: 'C.UTF-8', ...this.shared.environment },
        timeout: CONTROL_TIMEOUT_MS,
      },
    );
    return stdout.trim();
  }

  /** Resolves once every node listens and has found the others. */
  async ready(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.ready()));
    if (this.nodes.length === 1) return;
    await this.#whole(READY_TIMEOUT_MS);
  }

  /**
   * As {@link ready}, after the nodes had lost each other: whoever does not find back by itself is started anew, as who looks after it would.
   */
  async heal(): Promise<void> {
    try {
      await this.#whole(HEAL_TIMEOUT_MS);
    } catch {
      const views = await Promise.all(
        this.nodes.map((node) => this.#runningNodes(node).catch((): string[] => [])),
      );
      const most = views.reduce((best, view) => (view.length > best.length ? view : best));
      const lost = this.nodes.filter(({ name }) => !most.includes(name));
      await Promise.all(lost.map((node) => node.kill()));
      await this.restore();
    }
  }

  /** Each node knows all of them, and not only one that may be about to leave. */
  async #whole(timeoutMs: number): Promise<void> {
    const count = this.nodes.length;
    const isWhole = async (): Promise<boolean> => {
      const views = await Promise.all(this.nodes.map((node) => this.#runningNodes(node)));
      return views.every((view) => view.length === count);
    };
    await waitUntil(`all ${count} nodes are members`, isWhole, timeoutMs);
  }

  async #runningNodes(node: RabbitmqNode): Promise<readonly string[]> {
    const status = await this.controlOf(node, 'cluster_status', '--formatter', 'json');
    return (JSON.parse(status) as { readonly running_nodes: readonly string[] }).running_nodes;
  }

  /** Starts every node that is dead, and waits until the cluster is whole. */
  async restore(): Promise<void> {
    const dead = this.nodes.filter(({ process }) => !process.isRunning);
    if (dead.length === 0) return;
    await Promise.all(dead.map((node) => node.start()));
    await this.ready();
  }

  /** The node that leads a quorum queue, once there is one: nodes that took themselves for parted start anew by themselves. */
  async leaderOf(queue: string): Promise<RabbitmqNode> {
    let leader: RabbitmqNode | undefined;
    const hasLeader = async (): Promise<boolean> => {
      const rows = await this.control('list_queues', '--no-table-headers', 'name', 'leader').catch(() => '');
      const row = rows.split('\n').map((line) => line.split('\t'));
      const name = row.find(([one]) => one === queue)?.[1];
      leader = this.nodes.find((node) => node.name === name);
      return leader !== undefined;
    };
    await waitUntil(`queue "${queue}" has a leader`, hasLeader, READY_TIMEOUT_MS);
    return leader!;
  }

  /**
   * Starts the leader of a queue anew that keeps what has expired in it, as the transport tells to; not when another has seen to that. Says why
   * it was kept, as far as can be seen.
   */
  async handOnAgain(queue: string): Promise<void> {
    const leader = await this.leaderOf(queue);
    const isIt = `amqqueue:get_name(Q) =:= rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)`;
    const info = `[rabbit_amqqueue:info(Q, [messages_dlx]) || Q <- rabbit_amqqueue:list(), ${isIt}].`;
    if (!/messages_dlx,[1-9]/.test(await this.controlOf(leader, 'eval', info))) return;
    const workers =
      '[{Pid, erlang:process_info(Pid, current_stacktrace), catch sys:get_status(Pid, 1000)} || {_, Pid, _, _} <- supervisor:which_children(rabbit_fifo_dlx_sup)]';
    const view = `element(2, ra:local_query({list_to_atom("%2F_${queue}"), node()}, fun rabbit_fifo:overview/1))`;
    const why = await this.controlOf(leader, 'eval', `{${view}, ${workers}}.`).catch(String);
    process.stderr.write(`${leader.name} kept what had waited in ${queue}, and is started anew:\n${why}\n`);
    await leader.kill();
    await this.restore();
  }

  /**
   * Cuts a node off from the others, which clients do not notice: each side refuses the other's connections from now on.
   * {@link rejoin} ends it.
   */
  async isolate(node: RabbitmqNode): Promise<void> {
    const others = this.nodes.filter((other) => other !== node).map(({ name }) => `'${name}'`);
    // First all of them: a node that is let in by one would be told of by the others.
    const refuse = `[erlang:set_cookie(Other, refused) || Other <- [${others.join(', ')}]]`;
    const hangUp = `[erlang:disconnect_node(Other) || Other <- [${others.join(', ')}]]`;
    await this.controlOf(node, 'eval', `${refuse}, ${hangUp}.`);
  }

  /** Lets an isolated node in again. What the cluster does then is its own business. */
  async rejoin(node: RabbitmqNode): Promise<void> {
    const others = this.nodes.filter((other) => other !== node).map(({ name }) => `'${name}'`);
    const allow = `[erlang:set_cookie(Other, erlang:get_cookie()) || Other <- [${others.join(', ')}]]`;
    await this.controlOf(node, 'eval', `${allow}, [net_adm:ping(Other) || Other <- [${others.join(', ')}]].`);
  }

  /** Ends all nodes and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.stop('SIGKILL')));
    await this.shared.mapper.stop('SIGKILL');
    rmSync(this.shared.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts a node or a cluster and waits until it is whole. */
export async function startRabbitmq(options: RabbitmqClusterOptions = {}): Promise<RabbitmqCluster> {
  const { nodes: count = 1, config = [], tls, installation = INSTALLED_RABBITMQ } = options;
  const directory = mkdtempSync(join(options.parent ?? tmpdir(), 'switchyard-rabbitmq-'));
  const [mapperPort = 0, ...ports] = await freePorts(1 + 2 * count);
  const names = Array.from({ length: count }, (_, index) => `rmq${index + 1}@localhost`);
  const home = join(directory, 'home');
  mkdirSync(home);
  writeFileSync(join(home, '.erlang.cookie'), randomBytes(12).toString('hex').toUpperCase(), { mode: 0o400 });
  const environment = {
    PATH: installation.path,
    HOME: home,
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: '/nonexistent',
  };
  const mapper = new ServerProcess({
    name: 'epmd',
    command: installation.epmd,
    args: ['-port', String(mapperPort), '-address', '127.0.0.1'],
    cwd: directory,
  });
  await mapper.ready(() => isListening(mapperPort));
  const nodes = names.map((name, index) => {
    const port = ports[index]!;
    return new RabbitmqNode({
      name,
      port,
      distributionPort: ports[count + index]!,
      directory: join(directory, name),
      installation,
      config: [...settings(names), ...(tls ? tlsSettings(tls, port) : []), ...config],
      environment,
      listensWithTls: tls !== undefined,
    });
  });
  const cluster = new RabbitmqCluster(nodes, {
    directory,
    environment,
    mapper,
    bin: installation.bin,
    scheme: tls ? 'amqps' : 'amqp',
  });
  try {
    await cluster.ready();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function settings(names: readonly string[]): readonly string[] {
  return [
    'vm_memory_high_watermark.absolute = 1GB',
    'disk_free_limit.absolute = 50MB',
    'cluster_partition_handling = autoheal',
    ...(names.length === 1
      ? []
      : [
          'cluster_formation.peer_discovery_backend = classic_config',
          ...names.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
        ]),
  ];
}

function tlsSettings(files: TlsFiles, port: number): readonly string[] {
  return [
    'listeners.tcp = none',
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${files.caFile}`,
    `ssl_options.certfile = ${files.certificateFile}`,
    `ssl_options.keyfile = ${files.keyFile}`,
    'ssl_options.verify = verify_none',
    'ssl_options.fail_if_no_peer_cert = false',
  ];
}
