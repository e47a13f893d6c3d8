import { execFileSync, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Stands in for the plan of the project: one group that is red, one that is green, and one that npm test has. */
const PLAN = `
export const GROUPS = ['red', 'green', 'tested', 'long'].map((name) => ({ name, files: ['test/' + name + '.spec.ts'], needs: [] }));
export const planned = (groups) => groups;
export const specFiles = () => [];
export const isInNpmTest = ({ name }) => name === 'tested';
`;
const RUNS = {
  red: { hash: 'old', result: 'passed', seconds: 1, commit: 'aaa' },
  green: { hash: 'old', result: 'passed', seconds: 2, commit: 'bbb' },
  tested: { hash: 'old', result: 'passed', seconds: 3, commit: 'ccc' },
  long: { hash: 'old', result: 'passed', seconds: 3_600, commit: 'ddd' },
};
const FULL = `
const name = process.argv[3];
console.log('ran ' + process.argv.slice(2).join(' '));
console.log(name === 'red' ? '3 passed, 1 failed' : '2 passed, 0 failed');
process.exitCode = name === 'red' ? 1 : 0;
`;
const SCRIPTS = [
  'bootstrap.mjs',
  'capture.mjs',
  'ci.mjs',
  'full-runs.mjs',
  'lock.mjs',
  'locked-packages.mjs',
  'reach.mjs',
  'run-command.mjs',
  'run-script.mjs',
  'run-until.mjs',
  'stale-groups.mjs',
  'test-summary.mjs',
];

describe('.ci/run', () => {
  let root: string;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-ci-'));
    write('package.json', '{"type":"module","engines":{"node":">=20"}}');
    for (const name of ['package-lock.json', 'node_modules/.package-lock.json'])
      write(name, '{"packages":{}}');
    for (const name of Object.keys(RUNS)) write(`test/${name}.spec.ts`, '');
    for (const name of SCRIPTS) write(`scripts/${name}`, fs.readFileSync(path.join('scripts', name), 'utf8'));
    write('.ci/run', fs.readFileSync('.ci/run', 'utf8'));
    write('scripts/test-plan.mjs', PLAN);
    write('scripts/check.mjs', '');
    write('scripts/test.mjs', `console.log('7 passed, 0 failed, 1 skipped');`);
    write('scripts/test-full.mjs', FULL);
    write('test/full-runs.json', JSON.stringify(RUNS));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it('runs stale groups for which there is time, says what is left over, and notes nothing', () => {
    const { status, stdout } = run();
    expect(stdout).toContain('ran --group red --no-record\n');
    expect(stdout).toContain('ran --group green --no-record\n');
    expect(stdout).not.toContain('--group tested');
    expect(stdout).toContain('\nstale: long (since ddd)\n');
    expect(lastOf(stdout)).toBe('12 passed, 1 failed, 1 skipped');
    expect(status).toBe(1);
    expect(fs.readFileSync(path.join(root, 'test/full-runs.json'), 'utf8')).toBe(JSON.stringify(RUNS));
  });

  it('is green with groups that are left over', () => {
    write('test/full-runs.json', JSON.stringify({ ...RUNS, red: { ...RUNS.red, seconds: 3_600 } }));
    const { status, stdout } = run();
    expect(stdout).toContain('\nstale: red (since aaa)\n');
    expect(lastOf(stdout)).toBe('9 passed, 0 failed, 1 skipped');
    expect(status).toBe(0);
  });

  it.each([
    ['the gate fails', 'scripts/check.mjs', 'process.exitCode = 1;', '12 passed, 2 failed, 1 skipped'],
    ['npm test says nothing', 'scripts/test.mjs', '', '5 passed, 2 failed'],
    [
      'npm test ends badly',
      'scripts/test.mjs',
      `console.log('7 passed, 0 failed'); process.exit(1);`,
      '12 passed, 2 failed',
    ],
    ['it is killed', 'scripts/test.mjs', `process.kill(process.ppid, 'SIGKILL');`, '0 passed, 1 failed'],
    ['it cannot begin', 'scripts/ci.mjs', `throw new Error('no');`, '0 passed, 1 failed'],
  ])('fails when %s', (_, file, text, last) => {
    write(file, text);
    const { status, stdout } = run();
    expect(lastOf(stdout)).toBe(last);
    expect(status).not.toBe(0);
  });

  it('ends what takes too long with the processes below it, and no other', () => {
    const foreign = spawn('sleep', ['60']);
    const slow = `const { spawn } = require('node:child_process');
      console.log(spawn('sleep', ['60']).pid); setInterval(() => undefined, 1_000);`;
    const program = `import { runUntil } from './scripts/run-until.mjs';
      const { ended } = await runUntil(process.execPath, ['-e', process.argv[1]], performance.now() + 2_500);
      console.log(ended);`;
    try {
      const args = ['--input-type=module', '-e', program, slow];
      const [pid, ended] = execFileSync(process.execPath, args, { encoding: 'utf8' }).split('\n');
      expect(ended).toBe('true');
      expect(isRunning(Number(pid))).toBe(false);
      expect(isRunning(foreign.pid!)).toBe(true);
    } finally {
      foreign.kill('SIGKILL');
    }
  });

  function write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }

  function run(): { readonly status: number | null; readonly stdout: string } {
    return spawnSync('bash', [path.join(root, '.ci/run')], { encoding: 'utf8', timeout: 25_000 });
  }
});

function lastOf(output: string): string | undefined {
  return output.trimEnd().split('\n').at(-1);
}

/** One that has ended and waits for its parent to notice is not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
