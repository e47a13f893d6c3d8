import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isListening, ServerProcess } from './server-process.js';

/** Where the programs of a RabbitMQ are. */
export interface RabbitmqInstallation {
  /** Past the scripts of Debian, which change the user and ignore the environment. */
  readonly bin: string;
  /** The port mapper of Erlang. */
  readonly epmd: string;
  /** PATH with `erl`. */
  readonly path: string;
}

export const INSTALLED_RABBITMQ: RabbitmqInstallation = {
  bin: '/usr/lib/rabbitmq/bin',
  epmd: 'epmd',
  path: process.env['PATH'] ?? '',
};

export interface RabbitmqNodeOptions {
  /** Such as rmq1@localhost. */
  readonly name: string;
  readonly port: number;
  readonly distributionPort: number;
  readonly directory: string;
  readonly installation: RabbitmqInstallation;
  /** Lines of rabbitmq.conf. */
  readonly config: readonly string[];
  /** Of all nodes: where the cookie and the port mapper are. */
  readonly environment: Readonly<Record<string, string>>;
  readonly listensWithTls: boolean;
}

/** One RabbitMQ node of a test. */
export class RabbitmqNode {
  readonly name: string;
  readonly port: number;
  readonly #options: RabbitmqNodeOptions;
  #process: ServerProcess;

  constructor(options: RabbitmqNodeOptions) {
    this.name = options.name;
    this.port = options.port;
    this.#options = options;
    const { directory, config } = options;
    for (const part of ['mnesia', 'log']) mkdirSync(join(directory, part), { recursive: true });
    writeFileSync(join(directory, 'enabled_plugins'), '[].');
    writeFileSync(join(directory, 'rabbitmq.conf'), `${config.join('\n')}\n`);
    // So that dead-lettering that a dead node holds up is tried again, and a handler that is too slow noticed, within the patience of a test.
    const advanced =
      '[{rabbit,[{dead_letter_worker_publisher_confirm_timeout,2000},{channel_tick_interval,2000}]}].\n';
    writeFileSync(join(directory, 'advanced.config'), advanced);
    this.#process = this.#spawn();
  }

  /** The one that runs now, or ran last. */
  get process(): ServerProcess {
    return this.#process;
  }

  /** What it has written so far. */
  log(): string {
    return readFileSync(join(this.#options.directory, 'log', `${this.name}.log`), 'utf8');
  }

  async ready(): Promise<void> {
    await this.#process.ready(() => isListening(this.port));
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  /** Starts it again with its data, after stopping it if it still runs. Does not wait until it is ready. */
  async start(): Promise<void> {
    await this.#process.stop();
    this.#process = this.#spawn();
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  #spawn(): ServerProcess {
    const { name, port, directory, distributionPort, environment, listensWithTls, installation } =
      this.#options;
    return new ServerProcess({
      name: `rabbitmq-server ${name}`,
      command: join(installation.bin, 'rabbitmq-server'),
      args: [],
      cwd: directory,
      env: {
        LANG: 'C.UTF-8',
        ...environment,
        RABBITMQ_ALLOW_INPUT: 'true', // no shell between us and the node, so that signals reach the node
        RABBITMQ_SERVER_START_ARGS: '-noinput',
        RABBITMQ_NODENAME: name,
        RABBITMQ_NODE_IP_ADDRESS: listensWithTls ? '' : '127.0.0.1',
        RABBITMQ_NODE_PORT: listensWithTls ? '' : String(port),
        RABBITMQ_DIST_PORT: String(distributionPort),
        RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
        RABBITMQ_LOG_BASE: join(directory, 'log'),
        RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
        RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
          '-kernel inet_dist_use_interface {127,0,0,1} -kernel net_ticktime 8 +S 2:2',
      },
    });
  }
}
