import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../support/brokers/wait-until.js';
import type { WorkerState, WorkerTask } from './worker.js';

const READY_TIMEOUT_MS = 90_000;
const END_TIMEOUT_MS = 60_000;

export interface WorkerSettings extends Pick<WorkerTask, 'produces' | 'consumes' | 'perSecond' | 'seed'> {
  readonly name: string;
  /** Where histories and logs of all workers go, and a directory of its own for what it keeps. */
  readonly directory: string;
  /** The transports, as an application would be told of them. */
  readonly env: (directory: string) => Readonly<Record<string, string>>;
}

/** A process of the proof that is killed and started again. */
export class Worker {
  #process: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);
  #runs = 0;
  #isPaused = false;
  #isWanted = false;
  #state: WorkerState | undefined;

  constructor(readonly settings: WorkerSettings) {}

  get name(): string {
    return this.settings.name;
  }

  /** What it last said; undefined before it has said anything. */
  get state(): WorkerState | undefined {
    return this.#state;
  }

  /** Starts a process that has not ended on purpose; its name in the history tells it from the ones before. */
  start(): void {
    const { name, directory, env, produces, consumes, perSecond, seed } = this.settings;
    const run = ++this.#runs;
    const task: WorkerTask = {
      name: `${name}.${run}`,
      histories: join(directory, 'histories'),
      ...{ produces, consumes, perSecond, seed: seed + run },
    };
    const own = join(directory, name);
    mkdirSync(own, { recursive: true });
    const log = openSync(join(directory, `${name}.log`), 'a');
    const args = [
      '--import',
      '@swc-node/register/esm-register',
      'test/proof/worker.ts',
      JSON.stringify(task),
    ];
    this.#state = undefined;
    const child = spawn(process.execPath, args, {
      env: { ...process.env, NODE_ENV: 'test', ...env(own), DATA_DIR: own },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    child.on('message', (state) => (this.#state = state as WorkerState));
    this.#exited = new Promise((resolve) => child.once('exit', resolve));
    this.#process = child;
    this.#isWanted = true;
  }

  /** Resolves once it publishes and handles. Rejects when it ended instead. */
  async ready(): Promise<void> {
    await waitUntil(
      `${this.name} is ready`,
      async () => this.#state?.isReady ?? this.hasFailed,
      READY_TIMEOUT_MS,
    );
    if (this.hasFailed) throw new Error(`${this.name} ended by itself; its log says why.`);
  }

  /** It is gone although nobody has ended it. */
  get hasFailed(): boolean {
    return this.#isWanted && this.#process?.exitCode !== null;
  }

  async kill(): Promise<void> {
    this.#isWanted = false;
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  pause(): void {
    this.#isPaused = true;
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    if (this.#isPaused) this.#process?.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** Publishes no more; goes on handling and sending what is spooled. */
  finish(): void {
    this.#process?.send('finish');
  }

  /** Ends it as an operator would. Resolves with its exit code. */
  async end(): Promise<number | null> {
    this.#isWanted = false;
    this.resume();
    this.#process?.kill('SIGTERM');
    const hasEnded = async (): Promise<boolean> =>
      this.#process?.exitCode !== null || this.#process.signalCode !== null;
    await waitUntil(`${this.name} has ended`, hasEnded, END_TIMEOUT_MS).catch(() =>
      this.#process?.kill('SIGKILL'),
    );
    return this.#exited;
  }
}
