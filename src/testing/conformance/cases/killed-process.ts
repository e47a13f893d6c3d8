import { type ChildProcess, spawn } from 'node:child_process';
import type { Bench } from '../bench.js';
import type { ConformanceTask } from '../conformance-task.js';

/**
 * Runs a task in a process of its own until its output is as wanted, and kills it with SIGKILL.
 *
 * @returns every line that it wrote. It is dead afterwards also when this rejects.
 */
export async function killed(
  { options, until }: Bench,
  storage: string,
  ...[task, isTime]: [
    task: Partial<ConformanceTask> & Pick<ConformanceTask, 'topic' | 'role'>,
    isTime: (lines: readonly string[]) => boolean,
  ]
): Promise<string[]> {
  const { child, lines, errors, closed } = start(options.process!.command, {
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

function start(
  command: readonly string[],
  task: ConformanceTask,
): {
  readonly child: ChildProcess;
  readonly lines: () => string[];
  readonly errors: () => string;
  readonly closed: Promise<void>;
} {
  const child = spawn(process.execPath, [...command, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'pipe'], // it ends with its standard input
  });
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
