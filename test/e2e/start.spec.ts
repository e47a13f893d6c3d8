import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { machineNow } from '../support/machine-time.js';

/** Stands in for the compiler: notes that it ran and copies what it finds. */
const FAKE_COMPILER = `
const fs = require('node:fs');
const build = process.argv.includes('tsconfig.cjs.json') ? 'cjs' : 'esm';
fs.appendFileSync(build + '.log', 'build\\n');
fs.mkdirSync('dist/' + build, { recursive: true });
for (const name of fs.readdirSync('src'))
  fs.copyFileSync('src/' + name, 'dist/' + build + '/' + name.replace('.ts', '.js'));
`;

/** Stands in for the application: lives until SIGTERM, and then drains for a moment. */
const APPLICATION = `
const alive = setInterval(() => undefined, 1_000);
process.once('SIGTERM', () => {
  console.log('draining');
  setTimeout(() => { console.log('drained'); clearInterval(alive); process.exitCode = 7; }, 200);
});
console.log('pid=' + process.pid);
`;

describe('npm start', () => {
  let directory: string;
  const started: ChildProcess[] = [];
  const applications: number[] = [];

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-start-'));
    const { scripts } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { scripts: { start: string } };
    write(
      'package.json',
      JSON.stringify({ type: 'module', engines: { node: '>=20' }, scripts: { start: scripts.start } }),
    );
    for (const name of ['package-lock.json', 'node_modules/.package-lock.json'])
      write(name, '{"packages":{}}');
    for (const name of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.cjs.json']) write(name, '{}');
    for (const name of ['start.mjs', 'bootstrap.mjs', 'lock.mjs', 'end-with-npm.mjs']) {
      write(`scripts/${name}`, fs.readFileSync(path.join('scripts', name), 'utf8'));
    }
    write('scripts/build-assets.mjs', ''); // there are none
    write('node_modules/typescript/bin/tsc', FAKE_COMPILER);
    write('node_modules/typescript/package.json', '{"type":"commonjs"}');
    write('src/main.ts', APPLICATION);
  });

  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    for (const pid of applications.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    fs.rmSync(directory, { recursive: true, force: true });
  });

  it('builds, and builds again only when a source has changed', async () => {
    await startAndStop();
    await startAndStop();
    expect(builds()).toEqual([1, 1]);
    write('src/main.ts', `${APPLICATION}\n`);
    await startAndStop();
    expect(builds()).toEqual([2, 2]);
  });

  it('removes what was built from sources that are gone', async () => {
    write('src/gone.ts', '');
    await startAndStop();
    const output = ['dist/esm/gone.js', 'dist/cjs/gone.js'].map((name) => path.join(directory, name));
    expect(output.filter((file) => fs.existsSync(file))).toEqual(output);
    write('dist/main.js', ''); // where an older version compiled to
    fs.rmSync(path.join(directory, 'src/gone.ts'));
    await startAndStop();
    const old = path.join(directory, 'dist/main.js');
    expect([...output, old].filter((file) => fs.existsSync(file))).toEqual([]);
  });

  it('passes SIGTERM on, waits for the application and keeps its exit code', async () => {
    const run = await start();
    run.npm.kill('SIGTERM');
    expect(await run.exited).toEqual({ code: 7, signal: null });
    expect(run.output()).toMatch(/draining\s+drained/);
  });

  it('reports that the application was killed', async () => {
    const run = await start();
    process.kill(run.pid, 'SIGKILL');
    expect(await run.exited).not.toEqual({ code: 0, signal: null });
  });

  it('leaves no application behind when npm is killed', async () => {
    const run = await start();
    run.npm.kill('SIGKILL');
    await until(() => !isAlive(run.pid));
    expect(run.output()).toContain('drained');
  });

  function write(name: string, text: string): void {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }

  /** How often each of both builds has run. */
  function builds(): number[] {
    return ['esm.log', 'cjs.log'].map(
      (name) => fs.readFileSync(path.join(directory, name), 'utf8').trim().split('\n').length,
    );
  }

  async function start() {
    const own = process.env['npm_execpath'];
    const [command, first] = own === undefined ? ['npm', []] : [process.execPath, [own]];
    const npm = spawn(command, [...first, 'start'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(npm);
    let text = '';
    for (const stream of [npm.stdout, npm.stderr])
      stream.on('data', (data: Buffer) => (text += data.toString()));
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
      npm.once('close', (code, signal) => resolve({ code, signal })),
    );
    await until(
      () => /pid=\d+/.test(text),
      () => text,
    );
    const pid = Number(/pid=(\d+)/.exec(text)?.[1]);
    applications.push(pid);
    return { npm, pid, exited, output: () => text };
  }

  async function startAndStop(): Promise<void> {
    const run = await start();
    run.npm.kill('SIGTERM');
    await run.exited;
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, output = () => ''): Promise<void> {
  const giveUpAt = machineNow() + 15_000;
  while (!condition()) {
    if (machineNow() > giveUpAt) throw new Error(`It did not happen within 15 s. ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
