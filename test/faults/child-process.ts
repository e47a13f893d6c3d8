import { spawn } from 'node:child_process';

/** A process of a test, with what it has said. */
export interface Child {
  /** Whole lines so far. */
  readonly lines: { readonly text: string }[];
  readonly signal: (signal: NodeJS.Signals) => void;
  /** `kill -9`, then waits until everything that it had said has arrived. */
  readonly kill: () => Promise<void>;
}

/** @param script a module of a child, which reads its task from its first argument. */
export function startChild(script: string, task: object): Child {
  const args = ['--import', '@swc-node/register/esm-register', script];
  const child = spawn(process.execPath, [...args, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: Child['lines'] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((text) => ({ text })));
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
