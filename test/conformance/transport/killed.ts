import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { ChildTask } from './child.js';
import { type Bench, until } from './harness.js';

/**
 * Runs a task in a process of its own until its output is as wanted, and kills it with SIGKILL.
 *
 * @returns every line that it wrote. It is dead afterwards also when this rejects.
 */
export async function killed(
  bench: Bench,
  storage: string,
  ...[task, isTime]: [
    task: Partial<ChildTask> & Pick<ChildTask, 'topic' | 'role'>,
    isTime: (lines: readonly string[]) => boolean,
  ]
): Promise<string[]> {
  const { child, lines, errors, closed } = start({
    module: resolve(bench.options.process!.module),
    storage,
    concurrency: 1,
    settleFirst: 0,
    ...task,
  });
  try {
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`The child ended: ${errors()}`);
        return isTime(lines());
      },
      () => lines().slice(0, 10).join(', '),
    );
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
  return lines();
}

function start(task: ChildTask): {
  readonly child: ChildProcess;
  readonly lines: () => string[];
  readonly errors: () => string;
  readonly closed: Promise<void>;
} {
  const script = resolve('test/conformance/transport/child.ts');
  const child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', script, JSON.stringify(task)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return {
    child,
    lines: () =>
      output
        .slice(0, output.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean),
    errors: () => errors,
    closed: new Promise<void>((done) => child.once('close', () => done())),
  };
}
