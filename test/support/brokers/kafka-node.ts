import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isListening, ServerProcess } from './server-process.js';

export interface KafkaNodeOptions {
  readonly id: number;
  /** Of clients. */
  readonly port: number;
  readonly internalPort: number;
  readonly controllerPort: number;
  readonly voters: string;
  /** Of topics that the broker makes for itself, and of those that do not say how many they want. */
  readonly replicas: number;
  readonly directory: string;
  readonly libraries: string;
  readonly heapMb: number;
  /** Further lines of server.properties. */
  readonly config: readonly string[];
  /** Further ways in for clients. */
  readonly listeners: readonly KafkaListener[];
  /** Users that can log in with SCRAM, in the words of the tool that formats the storage. */
  readonly scramUsers: readonly string[];
}

export interface KafkaListener {
  /** Capital letters. */
  readonly name: string;
  readonly port: number;
  /** Advertised port, when a proxy lies between. @default port */
  readonly advertisedPort?: number;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
}

/** One for all clusters of tests. */
const CLUSTER_ID = 'c3dpdGNoeWFyZHRlc3RzMA';

/** One Kafka broker of a test, that is a controller, too. */
export class KafkaNode {
  readonly port: number;
  #process: ServerProcess | undefined;

  constructor(private readonly options: KafkaNodeOptions) {
    this.port = options.port;
    mkdirSync(options.directory, { recursive: true });
    writeFileSync(this.#properties, `${propertiesOf(options).join('\n')}\n`);
  }

  readonly portOf = (listener: string): number => {
    const found = this.options.listeners.find(({ name }) => name === listener);
    if (!found) throw new Error(`It has no listener ${listener}.`);
    return found.port;
  };

  get #properties(): string {
    return join(this.options.directory, 'server.properties');
  }

  /** The one that runs now, or ran last. */
  get process(): ServerProcess {
    if (!this.#process) throw new Error('It was never started.');
    return this.#process;
  }

  /** Once, before the first start. */
  async format(): Promise<void> {
    const { libraries, scramUsers } = this.options;
    const users = scramUsers.flatMap((user) => ['--add-scram', user]);
    const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', this.#properties, ...users];
    await promisify(execFile)('java', ['-Xmx128m', '-cp', `${libraries}/*`, ...tool]);
  }

  /** Does not wait until it is ready. */
  start(): void {
    const { id, libraries, directory, heapMb } = this.options;
    this.#process = new ServerProcess({
      name: `kafka ${id}`,
      command: 'java',
      args: [
        '-Xms128m',
        `-Xmx${heapMb}m`,
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-cp',
        `${libraries}/*`,
        'kafka.Kafka',
        this.#properties,
      ],
      cwd: directory,
    });
  }

  async ready(): Promise<void> {
    await this.process.ready(() => isListening(this.port));
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void {
    this.process.signal('SIGSTOP');
  }

  resume(): void {
    this.process.signal('SIGCONT');
  }
}

function propertiesOf({
  id,
  port,
  internalPort,
  controllerPort,
  voters,
  replicas,
  directory,
  config,
  listeners,
}: KafkaNodeOptions): readonly string[] {
  const ways: readonly KafkaListener[] = [
    { name: 'CLIENT', port, protocol: 'PLAINTEXT' },
    { name: 'INTERNAL', port: internalPort, protocol: 'PLAINTEXT' },
    ...listeners,
  ];
  const all: readonly KafkaListener[] = [
    ...ways,
    { name: 'CONTROLLER', port: controllerPort, protocol: 'PLAINTEXT' },
  ];
  const listed = (each: (listener: KafkaListener) => string, of: readonly KafkaListener[]): string =>
    of.map(each).join(',');
  const here = (listener: KafkaListener): string => `${listener.name}://127.0.0.1:${listener.port}`;
  const advertised = (listener: KafkaListener): string =>
    `${listener.name}://127.0.0.1:${listener.advertisedPort ?? listener.port}`;
  return [
    'process.roles=broker,controller',
    `node.id=${id}`,
    `controller.quorum.voters=${voters}`,
    `listeners=${listed(here, all)}`,
    `advertised.listeners=${listed(advertised, ways)}`,
    `listener.security.protocol.map=${listed(({ name, protocol }) => `${name}:${protocol}`, all)}`,
    'inter.broker.listener.name=INTERNAL',
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(directory, 'data')}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${Math.max(1, replicas - 1)}`,
    'unclean.leader.election.enable=false',
    'auto.create.topics.enable=false',
    `offsets.topic.replication.factor=${replicas}`,
    'offsets.topic.num.partitions=3',
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${Math.max(1, replicas - 1)}`,
    'transaction.state.log.num.partitions=3',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
    'replica.lag.time.max.ms=3000',
    ...config,
  ];
}
