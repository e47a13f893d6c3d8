import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { machineNow } from '../support/machine-time.js';
import type { ChildTask } from './embedded-child.js';

const PATIENCE_MS = 30_000;

export interface Child {
  /** Whole lines printed so far. */
  lines(): string[];
  /** `kill -9`, then waits until it is gone. */
  kill(): Promise<void>;
  gone: Promise<number | null>;
}

/** Starts a process that uses an embedded directory; `limit` is a shell command that precedes it. */
export function startChild(
  task: Omit<ChildTask, 'journal' | 'prefix'> & Partial<ChildTask>,
  limit?: string,
): Child {
  const full: ChildTask = { journal: '/dev/null', prefix: 'x', ...task };
  const script = resolve('test/faults/embedded-child.ts');
  const args = ['--import', '@swc-node/register/esm-register', script, JSON.stringify(full)];
  const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
  const child: ChildProcess =
    limit === undefined
      ? spawn(process.execPath, args, { stdio })
      : spawn('bash', ['-c', `${limit}; exec "$0" "$@"`, process.execPath, ...args], { stdio });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const gone = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  return {
    lines: () => output.split('\n').slice(0, -1),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    gone,
  };
}

export function newTransport(
  directory: string,
  onEvent: (event: TransportEvent) => void = () => undefined,
): EmbeddedTransport {
  const options = embeddedOptionsSchema.parse({ directory });
  return new EmbeddedTransport(options, { name: 'parent', clock: systemClock, onEvent });
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'switchyard-faults-'));
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = machineNow() + PATIENCE_MS;
  while (!(await condition())) {
    if (machineNow() > deadline) throw new Error(`Waited in vain for ${condition.toString()}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
