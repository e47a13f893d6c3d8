import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { machineNow } from '../machine-time.js';

/** How to run a server in the foreground. */
export interface ServerCommand {
  /** Shown in errors. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Output kept for errors. */
const MAX_OUTPUT_CHARACTERS = 20_000;
/** Of a server that starts and says nothing. One that recovers thousands of files says so all the time. */
const SILENT_MS = 60_000;
const POLL_MS = 50;

/**
 * A server that a test has started. It is ended by its process id and by nothing else, and the kernel ends it when the
 * test process dies.
 */
export class ServerProcess {
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #name: string;
  #output = '';
  #said = 0;

  constructor({ name, command, args, cwd, env }: ServerCommand) {
    this.#name = name;
    const [file, ...rest] = diesWithUs([command, ...args]);
    this.#child = spawn(file!, rest, {
      cwd,
      env: env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    this.#child.once('error', (error) => this.#keep(`${error.message}\n`));
    this.exited = new Promise((resolve) => {
      this.#child.once('close', () => resolve());
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start: ${this.#output}`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  get output(): string {
    return this.#output;
  }

  /** Sends a signal, for example SIGSTOP. Without effect on a dead server. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(this.pid, signal);
  }

  /** Ends it and waits until it is gone. @default SIGTERM */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGCONT'); // a stopped process would never see the other signal
    this.signal(signal);
    await this.exited;
  }

  /** Polls until `probe` resolves to true; rejects with the server's output when it dies before, or has said nothing more for `silentMs`. */
  async ready(probe: () => Promise<boolean>, silentMs = SILENT_MS): Promise<void> {
    let [said, since] = [this.#said, machineNow()];
    for (;;) {
      if (!this.isRunning) throw new Error(`${this.#name} ended while it started:\n${this.#output}`);
      if (await probe().catch(() => false)) return;
      if (said !== this.#said) [said, since] = [this.#said, machineNow()];
      if (machineNow() - since > silentMs)
        throw new Error(
          `${this.#name} is not ready, and has said nothing for ${silentMs} ms:\n${this.#output}`,
        );
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #keep(text: string): void {
    this.#said += text.length;
    this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARACTERS);
    const log = process.env['SWITCHYARD_SERVER_LOG'];
    if (log) appendFileSync(log, text.replace(/^/gm, `[${this.#name}] `));
  }
}

/**
 * Below the ports that the kernel gives to outgoing connections. While a server is down, a client that dials its port
 * again and again could otherwise be given that very port for its own end, and would be connected to itself.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 22_000;
const MAX_PICKS = 1_000;

/**
 * Ports on loopback that were free a moment ago. With `companion`, the port that many above each of them was free, too.
 */
export async function freePorts(count: number, companion = 0): Promise<number[]> {
  const found = new Set<number>();
  for (let pick = 0; found.size < count; pick++) {
    if (pick === MAX_PICKS) throw new Error(`No ${count} free ports between ${FIRST_PORT} and ${LAST_PORT}.`);
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if ((await isFree(port)) && (companion === 0 || (await isFree(port + companion)))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** True when something accepts connections on the port. */
export function isListening(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const end = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

let hasSetpriv: boolean | undefined;

/** Asks the kernel to end the server with its parent, where the tool for that exists (it is part of util-linux). */
function diesWithUs(command: readonly string[]): readonly string[] {
  if (hasSetpriv === undefined) {
    try {
      execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' });
      hasSetpriv = true;
    } catch {
      hasSetpriv = false;
    }
  }
  return hasSetpriv ? ['setpriv', '--pdeathsig', 'KILL', ...command] : command;
}
