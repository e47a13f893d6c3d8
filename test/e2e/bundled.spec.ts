import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const TIMEOUT_MS = 120_000;

describe('a bundle', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-bundled-'));
  const entry = path.join(directory, 'app.mjs');

  beforeAll(() => {
    fs.symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
    // The package refers to itself by its name, as an application does.
    const text = fs.readFileSync('test/support/bundled-app.mjs', 'utf8');
    const { exports: entryPoints } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as {
      exports: Record<string, { import: string }>;
    };
    const placed = text.replace(/'switchyard(\/\w+)?'/g, (_, sub: string | undefined) =>
      JSON.stringify(path.resolve(entryPoints[`.${sub ?? ''}`]!.import)),
    );
    fs.writeFileSync(entry, placed);
  });
  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it.each([
    ['esbuild-esm', 'esm.mjs'],
    ['esbuild-cjs', 'cjs.cjs'],
    ['webpack', 'webpack.cjs'],
  ])(
    'by %s publishes, handles and loads its clients',
    (tool, name) => {
      const output = path.join(directory, name);
      execFileSync(process.execPath, ['scripts/bundle-app.mjs', tool, entry, output], { stdio: 'pipe' });
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
