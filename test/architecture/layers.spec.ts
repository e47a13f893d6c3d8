import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** For each rule, files that break it: where, and what they import. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, target: string])[] = [
  [
    'core-knows-no-infrastructure',
    'core/messaging/a.ts',
    'infrastructure/services/memory/memory.transport.ts',
  ],
  ['core-knows-no-infrastructure', 'core/messaging/b.ts', 'app.config.ts'],
  ['core-knows-no-client', 'core/messaging/c.ts', 'lmdb'],
  ['core-knows-no-client', 'core/messaging/d.ts', 'prom-client'],
  ['core-knows-no-client', 'core/messaging/e.ts', 'kafkajs'],
  ['infrastructure-knows-no-application', 'infrastructure/services/health/a.ts', 'app.config.ts'],
  ['package-exports-no-application', 'index.ts', 'modules/orders/orders.ts'],
  ['package-exports-no-application', 'exports/a.ts', 'config/units.ts'],
  [
    'transports-are-strangers',
    'infrastructure/services/memory/a.ts',
    'infrastructure/services/embedded/x.ts',
  ],
  ['transports-see-only-the-ports', 'infrastructure/services/embedded/a.ts', 'core/messaging/routing.ts'],
  ['plain-files-stay-plain', 'core/messaging/f.ts', '@nestjs/common'],
  ['modules-use-the-public-core', 'modules/orders/a.ts', 'core/messaging/routing.ts'],
  [
    'modules-use-the-public-core',
    'modules/orders/b.ts',
    'infrastructure/services/memory/memory.transport.ts',
  ],
  ['no-circular', 'core/messaging/g.ts', 'core/messaging/h.ts'],
];

/** Imports that the rules must leave alone. */
const ALLOWED: readonly (readonly [file: string, target: string])[] = [
  ['app.module.ts', 'infrastructure/services/memory/memory.transport.ts'],
  ['infrastructure/services/memory/b.ts', 'core/messaging/transport.ts'],
  ['infrastructure/services/memory/c.ts', 'infrastructure/services/memory/b.ts'],
  ['infrastructure/services/embedded/b.ts', 'lmdb'],
  ['modules/orders/c.ts', 'core/messaging/index.ts'],
  ['core/messaging/i.service.ts', '@nestjs/common'],
];

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

describe('the layer rules', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-layers-'));
  let violations: readonly Violation[] = [];

  beforeAll(() => {
    for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json'])
      fs.copyFileSync(name, path.join(directory, name));
    fs.symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
    write('core/messaging/h.ts', 'core/messaging/g.ts');
    for (const [, file, target] of VIOLATIONS) write(file, target);
    for (const [file, target] of ALLOWED) write(file, target);
    const cruiser = path.resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const { stdout } = spawnSync(process.execPath, [cruiser, 'src', '--output-type=json'], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 25_000,
      maxBuffer: 64 * 2 ** 20,
    });
    violations = JSON.parse(stdout).summary.violations;
  });

  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it.each(VIOLATIONS)('%s catches %s importing %s', (rule, file) => {
    expect(violations.filter(({ from }) => from === `src/${file}`).map((found) => found.rule.name)).toContain(
      rule,
    );
  });

  it.each(ALLOWED)('%s may import %s', (file) => {
    expect(violations.filter(({ from }) => from === `src/${file}`)).toEqual([]);
  });

  it('are all proven here', () => {
    const names = [
      ...fs.readFileSync('.dependency-cruiser.cjs', 'utf8').matchAll(/^ {6}name: '([a-z-]+)'/gm),
    ].map(([, name]) => name);
    expect(new Set(VIOLATIONS.map(([rule]) => rule))).toEqual(new Set(names));
  });

  /** Types only, because an import of types is a dependency like any other. */
  function write(file: string, target: string): void {
    const full = path.join(directory, 'src', file);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    if (!target.endsWith('.ts')) {
      fs.writeFileSync(full, `import type * as thing from '${target}';\nexport type Thing = typeof thing;\n`);
      return;
    }
    const relative = path
      .relative(path.dirname(full), path.join(directory, 'src', target))
      .replace(/\.ts$/, '.js');
    fs.writeFileSync(full, `export type * from './${relative}';\n`);
    const targetFile = path.join(directory, 'src', target);
    fs.mkdirSync(path.dirname(targetFile), { recursive: true });
    if (!fs.existsSync(targetFile)) fs.writeFileSync(targetFile, 'export type Nothing = never;\n');
  }
});
