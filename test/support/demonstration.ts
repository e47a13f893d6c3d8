import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineNow } from './machine-time.js';

const START_TIMEOUT_MS = 60_000;

/** The demonstration monolith as a process of its own, built by `npm test` before. */
export interface Demonstration {
  readonly url: string;
  readonly adminKey: string;
  readonly output: () => string;
  /** Ends it and resolves with its exit code, or null when the signal ended it. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts the demonstration on a free port; resolves once it says where it listens. */
export async function startDemonstration(
  dataDir: string,
  env: Record<string, string> = {},
): Promise<Demonstration> {
  const child = spawn(process.execPath, ['dist/esm/main.js'], {
    env: { ...process.env, NODE_ENV: 'test', PORT: '0', DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => fail(child, reject, `did not start within ${START_TIMEOUT_MS} ms`, output),
      START_TIMEOUT_MS,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const listening = /demonstration on (http:\S+),/.exec(output)?.[1];
      if (listening === undefined) return;
      clearTimeout(timer);
      resolve(listening);
    });
    void exited.then((code) => fail(child, reject, `ended with code ${code ?? 'none'}`, output));
  });
  return {
    url,
    adminKey: readFileSync(join(dataDir, 'admin-key'), 'utf8').trim(),
    output: () => output,
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

function fail(child: ChildProcess, reject: (error: Error) => void, what: string, output: string): void {
  child.kill('SIGKILL');
  reject(new Error(`The demonstration ${what}:\n${output}`));
}

/** Waits until `condition` holds, asking again and again; fails with what it last said. */
export async function eventually<T>(
  condition: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = machineNow() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined) return result;
    if (machineNow() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
