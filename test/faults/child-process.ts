import { spawn } from 'node:child_process';

/** A process of a test, with what it has said. */
export interface Child {
  /** Whole lines so far, each with the time at which it came in ms of `performance.now()`. */
  readonly lines: { readonly text: string; readonly atMs: number }[];
  readonly signal: (signal: NodeJS.Signals) => void;
  /** `kill -9`, then waits until everything that it had said has arrived. */
  readonly kill: () => Promise<void>;
}

/** @param script a module of a child, which reads its task from its first argument. */
export function startChild(script: string, task: object): Child {
  const args = ['--import', '@swc-node/register/esm-register', script];
  const child = spawn(process.execPath, [...args, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Child['lines'] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    const atMs = performance.now();
    lines.push(...parts.map((text) => ({ text, atMs })));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    lines,
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
