import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Stands in for npm: notes that it ran, and leaves the record that npm leaves. */
const FAKE_NPM = `
import * as fs from 'node:fs';
fs.appendFileSync('installs.log', process.argv.slice(2).join(' ') + '\\n');
await new Promise((resolve) => setTimeout(resolve, 300));
if (process.env.FAKE_NPM_FAILS) process.exit(1);
fs.mkdirSync('node_modules', { recursive: true });
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

const PROGRAM = `import { prepare } from './scripts/bootstrap.mjs'; await prepare(); console.log('ready');`;

describe('the commands of the project', () => {
  let directory: string;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-bootstrap-'));
    fs.mkdirSync(path.join(directory, 'scripts'));
    for (const name of ['bootstrap.mjs', 'lock.mjs']) {
      fs.copyFileSync(path.join('scripts', name), path.join(directory, 'scripts', name));
    }
    write('npm.mjs', FAKE_NPM);
    write('program.mjs', PROGRAM);
    write('package.json', JSON.stringify({ engines: { node: '>=20.19' } }));
    lock('1.0.0');
  });

  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  it('install what the lockfile says, once', async () => {
    const first = await run();
    expect(first).toMatchObject({
      code: 0,
      stdout: 'ready\n',
      stderr: expect.stringMatching(/^Installing packages/),
    });
    expect(await run()).toEqual({ code: 0, stdout: 'ready\n', stderr: '' });
    expect(installs()).toEqual(['ci --include=dev --no-audit --no-fund --loglevel=error']);
  });

  it('install again when the lockfile has changed', async () => {
    await run();
    lock('1.0.1');
    await run();
    expect(installs()).toHaveLength(2);
  });

  it('install again when an install was interrupted', async () => {
    await run();
    fs.rmSync(path.join(directory, 'node_modules/.package-lock.json'));
    await run();
    expect(installs()).toHaveLength(2);
  });

  it('do not miss optional packages of other systems', async () => {
    await run();
    const packages = {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0', optional: true },
    };
    write('package-lock.json', JSON.stringify({ packages }));
    await run();
    expect(installs()).toHaveLength(1);
  });

  it('install once when they start together', async () => {
    const results = await Promise.all([run(), run(), run()]);
    expect(results.map(({ code, stdout }) => [code, stdout])).toEqual(Array(3).fill([0, 'ready\n']));
    expect(installs()).toHaveLength(1);
    expect(fs.existsSync(path.join(directory, '.bootstrap.lock'))).toBe(false);
  });

  it('take over from one that died while it installed', async () => {
    write('.bootstrap.lock', `999999999@${os.hostname()}`);
    expect(await run()).toMatchObject({ code: 0, stdout: 'ready\n' });
  });

  it('fail with the installation', async () => {
    const result = await run({ FAKE_NPM_FAILS: '1' });
    expect(result).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('ci failed (exit code 1)'),
    });
    expect(fs.existsSync(path.join(directory, '.bootstrap.lock'))).toBe(false);
  });

  it('install nothing where that is forbidden', async () => {
    const result = await run({ NO_INSTALL: '1' });
    expect(result).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('NO_INSTALL=1 forbids'),
    });
    expect(installs()).toEqual([]);
  });

  it('say which Node they need', async () => {
    write('package.json', JSON.stringify({ engines: { node: '>=99.1' } }));
    const result = await run();
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Node 99\.1 or newer is required, and this is /),
    });
    expect(installs()).toEqual([]);
  });

  function write(name: string, text: string): void {
    fs.writeFileSync(path.join(directory, name), text);
  }

  function lock(version: string): void {
    write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } }));
  }

  function installs(): string[] {
    const file = path.join(directory, 'installs.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  function run(
    env: Record<string, string> = {},
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, ['program.mjs'], {
      cwd: directory,
      env: { ...process.env, NO_INSTALL: '0', ...env, npm_execpath: path.join(directory, 'npm.mjs') },
      timeout: 20_000,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
  }
});
