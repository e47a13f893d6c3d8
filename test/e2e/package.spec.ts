import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8')) as Manifest;
const peers = Object.keys(manifest.peerDependencies);
const required = peers.filter((name) => manifest.peerDependenciesMeta[name]?.optional !== true);
const entryPoints = Object.keys(manifest.exports).filter((name) => name !== './package.json');

describe('the package', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-package-'));
  const home = path.join(directory, 'node_modules', manifest.name);

  beforeAll(() => {
    const npm = process.env['npm_execpath'];
    const [command, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
    execFileSync(command, [...first, 'pack', '--pack-destination', directory, '--loglevel=error'], {
      stdio: 'pipe',
    });
    fs.mkdirSync(home, { recursive: true });
    const packed = fs.readdirSync(directory).find((name) => name.endsWith('.tgz'))!;
    execFileSync('tar', ['-xzf', path.join(directory, packed), '-C', home, '--strip-components=1']);
    [...Object.keys(manifest.dependencies), ...required].forEach(install);
  }, 60_000);

  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it('is used without any optional package', () => {
    const names = importOf(manifest.name);
    expect(names).toEqual(
      expect.arrayContaining(['MessagingModule', 'MessagingService', 'defineMessage', 'MessageHandler']),
    );
  });

  it('has every file that its exports name', () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    expect(targets.filter((target) => !fs.existsSync(path.join(home, target)))).toEqual([]);
  });

  it('loads at every entry point once the optional packages are there', () => {
    peers.filter((name) => !required.includes(name)).forEach(install);
    for (const name of entryPoints) expect(importOf(manifest.name + name.slice(1))).not.toEqual([]);
  });

  /** As a link, so that what the package itself needs is found where it is. */
  function install(name: string): void {
    const link = path.join(directory, 'node_modules', name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.resolve('node_modules', name), link);
  }

  function importOf(name: string): string[] {
    const program = `import 'reflect-metadata'; console.log(JSON.stringify(Object.keys(await import('${name}'))));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return JSON.parse(output) as string[];
  }
});
