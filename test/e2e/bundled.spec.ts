import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { transformSync } from 'esbuild';
import { linkPackage, manifest, unpackPackage } from '../support/packed-package.js';

const TIMEOUT_MS = 120_000;

describe('a bundle', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-bundled-'));

  beforeAll(() => {
    unpackPackage(directory);
    for (const name of Object.keys(manifest.peerDependencies)) linkPackage(directory, name);
    const source = fs.readFileSync('test/support/bundled-app.mjs', 'utf8');
    fs.writeFileSync(path.join(directory, 'app.mjs'), source);
    // What a compiler makes of it in a CommonJS application.
    const { code } = transformSync(source, { format: 'cjs', keepNames: true });
    fs.writeFileSync(path.join(directory, 'app.cjs'), code);
  }, TIMEOUT_MS);
  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it.each([
    ['esbuild-esm', 'app.mjs', 'mjs'],
    ['esbuild-cjs', 'app.mjs', 'cjs'],
    ['esbuild-cjs', 'app.cjs', 'cjs'],
    ['webpack-esm', 'app.mjs', 'mjs'],
    ['webpack-cjs', 'app.cjs', 'cjs'],
  ])(
    'by %s of %s publishes, handles and loads its clients',
    (tool, entry, extension) => {
      const output = path.join(directory, `${tool}-${entry}.${extension}`);
      execFileSync(process.execPath, ['scripts/bundle-app.mjs', tool, path.join(directory, entry), output], {
        stdio: 'pipe',
      });
      const said = execFileSync(process.execPath, [output], { encoding: 'utf8', timeout: TIMEOUT_MS });
      expect(JSON.parse(said.trim().split('\n').at(-1)!)).toEqual({
        handled: ['o-1'],
        letters: [{ reason: 'rejected', attempts: 1 }],
        codes: ['TRANSPORT_UNAVAILABLE', 'TRANSPORT_UNAVAILABLE', 'TRANSPORT_UNAVAILABLE'],
      });
    },
    TIMEOUT_MS,
  );
});
