import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { type KafkaListener, KafkaNode } from './kafka-node.js';
import { freePorts } from './server-process.js';
import { waitUntil } from './wait-until.js';

export interface KafkaClusterOptions {
  /** @default 1 */
  readonly nodes?: number;
  /** @default '3.9.1' */
  readonly version?: '3.9.1' | '4.1.1';
  /** Of each node. @default 384 */
  readonly heapMb?: number;
  /** Further lines of server.properties, for all nodes. */
  readonly config?: readonly string[];
  /** Where the directory of the data is made, which is removed in the end. @default the system's for what is temporary */
  readonly parent?: string;
  /** Further ways in for clients. */
  readonly listeners?: readonly Omit<KafkaListener, 'port'>[];
  /** As the tool that formats the storage wants them: `SCRAM-SHA-256=[name=shop,password=...]`. */
  readonly scramUsers?: readonly string[];
}

/** One Kafka broker or several that form a cluster, of a test. */
export class KafkaCluster {
  constructor(
    readonly nodes: readonly KafkaNode[],
    private readonly directory: string,
  ) {}

  get brokers(): string[] {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** The same on a further way in. */
  brokersOn(listener: string): string[] {
    return this.nodes.map(({ portOf }) => `127.0.0.1:${portOf(listener)}`);
  }

  /** Resolves once every node answers requests and is one that new topics are placed on. */
  async ready(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.ready()));
    await waitUntil('all Kafka nodes answer', async () =>
      (await Promise.all(this.nodes.map(({ port }) => answers(port)))).every(Boolean),
    );
    await this.#isWhole();
  }

  /** A broker answers before the controller counts it in. */
  async #isWhole(): Promise<void> {
    const { brokers, nodes } = this;
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    try {
      await admin.connect();
      await waitUntil(
        'the controller counts all Kafka nodes in',
        async () => (await admin.describeCluster()).brokers.length === nodes.length,
      );
    } finally {
      await admin.disconnect();
    }
  }

  /** Starts every node that is dead, and waits until the cluster is whole. */
  async restore(): Promise<void> {
    for (const node of this.nodes) node.resume();
    const dead = this.nodes.filter(({ process }) => !process.isRunning);
    for (const node of dead) node.start();
    await this.ready();
  }

  /** Ends all nodes and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.stop('SIGKILL')));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts a broker or a cluster and waits until it answers. */
export async function startKafka(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  const { nodes: count = 1, version = '3.9.1', heapMb = 384 } = options;
  const { config = [], listeners = [], scramUsers = [] } = options;
  const directory = newDirectory(options);
  const ports = await freePorts((3 + listeners.length) * count);
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports[3 * id - 1]}`).join(',');
  const nodes = ids.map(
    (id) =>
      new KafkaNode({
        id,
        port: ports[3 * id - 3]!,
        internalPort: ports[3 * id - 2]!,
        controllerPort: ports[3 * id - 1]!,
        voters,
        replicas: Math.min(3, count),
        directory: join(directory, `k${id}`),
        libraries: join(homedir(), '.cache', 'switchyard', `kafka-${version}`),
        heapMb,
        config,
        listeners: listeners.map((listener, nth) => ({
          ...listener,
          port: ports[3 * count + listeners.length * (id - 1) + nth]!,
        })),
        scramUsers,
      }),
  );
  const cluster = new KafkaCluster(nodes, directory);
  try {
    await Promise.all(nodes.map((node) => node.format()));
    for (const node of nodes) node.start();
    await cluster.ready();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** A port is open before the broker behind it is of use: asks for its versions, as every client does first. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.setTimeout(2_000, () => end(false));
    // ApiVersions, version 0, correlation 1, no client id.
    socket.once('connect', () => socket.write(Buffer.from('0000000a0012000000000001ffff', 'hex')));
    socket.once('data', () => end(true)).once('error', () => end(false));
  });
}

function newDirectory({ parent = tmpdir() }: KafkaClusterOptions): string {
  return mkdtempSync(join(parent, 'switchyard-kafka-'));
}
