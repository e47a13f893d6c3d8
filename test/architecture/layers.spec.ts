import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';

const load = createRequire(path.resolve('package.json'));
const ORDER = load('./.layers.cjs') as Readonly<Record<string, readonly string[]>>;

/** A path that a line of the order stands for: the first of its alternatives, and a file in it when it is a folder. */
function pathOf(folder: string, line: string, file: string): string {
  let first = line;
  while (first.includes('(')) first = first.replace(/\(([^()|]*)[^()]*\)/, '$1');
  return path.posix.join(folder.slice('src/'.length), first.endsWith('.ts') ? first : `${first}/${file}`);
}

/** Each line of each order imports the one above it; the first, what stands on top. */
const UPWARDS = Object.entries(ORDER).flatMap(([folder, lines]) =>
  lines.map((line, index) => {
    const above = lines[index - 1];
    const target = above === undefined ? `${folder.slice(4)}/on-top.ts` : pathOf(folder, above, 'target.ts');
    return ['only-downwards', pathOf(folder, line, 'upwards.ts'), target] as const;
  }),
);

/** Each imports the one below it, and the files on top the first. */
const DOWNWARDS = Object.entries(ORDER).flatMap(([folder, lines]) => [
  [`${folder.slice(4)}/downwards.ts`, pathOf(folder, lines[0] ?? '', 'target.ts')] as const,
  ...lines.slice(1).flatMap((line, index) => {
    const from = pathOf(folder, lines[index] ?? '', 'downwards.ts');
    return from.endsWith('/downwards.ts') ? [[from, pathOf(folder, line, 'target.ts')] as const] : [];
  }),
]);

/** For each rule, files that break it: where, and what they import. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, target: string])[] = [
  [
    'core-knows-no-infrastructure',
    'core/messaging/a.ts',
    'infrastructure/services/memory/memory.transport.ts',
  ],
  ['core-knows-no-infrastructure', 'core/messaging/b.ts', 'app.config.ts'],
  ['core-knows-no-infrastructure', 'core/messaging/j.ts', 'integrations/microservices/c.ts'],
  ['infrastructure-knows-only-the-core', 'infrastructure/services/health/a.ts', 'app.config.ts'],
  ['infrastructure-knows-only-the-core', 'infrastructure/services/health/b.ts', 'config/units.ts'],
  ['infrastructure-knows-only-the-core', 'infrastructure/services/health/c.ts', 'switchyard/b.ts'],
  ['config-knows-only-options', 'config/a.ts', 'infrastructure/services/memory/memory.transport.ts'],
  ['config-knows-only-options', 'config/b.ts', 'core/messaging/index.ts'],
  ['config-knows-only-options', 'config/c.ts', 'cli/c.ts'],
  ['front-door-composes', 'switchyard/a.ts', 'exports/redis.ts'],
  ['front-door-composes', 'switchyard/c.ts', 'testing/b.ts'],
  ['testing-needs-no-broker', 'testing/a.ts', 'infrastructure/services/redis/redis.transport.ts'],
  ['testing-needs-no-broker', 'testing/c.ts', 'switchyard/b.ts'],
  [
    'integrations-use-the-public-core',
    'integrations/microservices/a.ts',
    'core/messaging/routing/routing-table.ts',
  ],
  [
    'integrations-use-the-public-core',
    'integrations/microservices/b.ts',
    'infrastructure/services/memory/memory.transport.ts',
  ],
  ['commands-are-clients', 'cli/a.ts', 'infrastructure/services/embedded/x.ts'],
  ['commands-are-clients', 'cli/b.ts', 'core/messaging/index.ts'],
  ['embedded-commands-use-the-store', 'cli/embedded/a.ts', 'infrastructure/services/redis/x.ts'],
  ['dashboard-is-a-client', 'dashboard/a.ts', 'infrastructure/services/admin/index.ts'],
  ['entries-export-no-application', 'index.ts', 'modules/orders/orders.ts'],
  ['entries-export-no-application', 'exports/a.ts', 'app.config.ts'],
  ['entries-export-no-application', 'exports/b.ts', 'cli/c.ts'],
  ['entries-are-apart', 'exports/c.ts', 'exports/redis.ts'],
  ['demonstration-uses-what-is-exported', 'app.module.ts', 'core/messaging/index.ts'],
  ['demonstration-uses-what-is-exported', 'demonstration/a.ts', 'infrastructure/services/memory/x.ts'],
  ['demonstration-uses-what-is-exported', 'main.ts', 'config/units.ts'],
  ['features-use-what-is-exported', 'modules/orders/a.ts', 'core/messaging/index.ts'],
  ['features-use-what-is-exported', 'modules/orders/b.ts', 'app.config.ts'],
  ['no-other-rooms', 'helpers/a.ts', 'core/messaging/index.ts'],
  ['clients-belong-to-infrastructure', 'core/messaging/c.ts', 'lmdb'],
  ['clients-belong-to-infrastructure', 'core/messaging/d.ts', 'prom-client'],
  ['clients-belong-to-infrastructure', 'switchyard/d.ts', 'kafkajs'],
  ['only-config-reads-yaml', 'core/messaging/e.ts', 'yaml'],
  ['only-config-reads-yaml', 'infrastructure/services/health/d.ts', 'yaml'],
  ['config-and-commands-need-no-nest', 'config/d.ts', '@nestjs/common'],
  ['config-and-commands-need-no-nest', 'cli/d.ts', 'config/d.ts'],
  [
    'transports-are-strangers',
    'infrastructure/services/memory/a.ts',
    'infrastructure/services/embedded/x.ts',
  ],
  [
    'transports-see-only-the-ports',
    'infrastructure/services/embedded/a.ts',
    'core/messaging/routing/routing-table.ts',
  ],
  [
    'transports-see-only-the-ports',
    'infrastructure/services/redis/redis.module.ts',
    'core/messaging/index.ts',
  ],
  ['core-serves-no-http', 'core/messaging/publishing/http.ts', 'node:http'],
  ['core-serves-no-http', 'core/messaging/publishing/express.ts', '@nestjs/platform-express'],
  [
    'surfaces-see-no-pipeline',
    'infrastructure/services/metrics/deep.ts',
    'core/messaging/delivery/outcome.ts',
  ],
  [
    'outside-names-only-the-root',
    'infrastructure/services/health/deep.ts',
    'infrastructure/services/admin/http/problem.ts',
  ],
  [
    'outside-names-only-the-root',
    'infrastructure/services/deep.ts',
    'infrastructure/services/redis/client/deep.ts',
  ],
  ['outside-names-only-the-root', 'exports/deep.ts', 'infrastructure/services/composites/members/member.ts'],
  ...UPWARDS,
  ['plain-files-stay-plain', 'core/messaging/f.ts', '@nestjs/common'],
  ['plain-files-stay-plain', 'core/messaging/f.controller.ts', '@nestjs/common'],
  ['no-circular', 'core/messaging/g.ts', 'core/messaging/h.ts'],
];

/** Imports that the rules must leave alone. */
const ALLOWED: readonly (readonly [file: string, target: string])[] = [
  ['app.config.ts', 'exports/config.ts'],
  ['demonstration/b.ts', 'exports/admin.ts'],
  ['infrastructure/services/memory/b.ts', 'core/messaging/ports/transport.ts'],
  ['infrastructure/services/memory/c.ts', 'infrastructure/services/memory/b.ts'],
  ['infrastructure/services/embedded/b.ts', 'lmdb'],
  ['modules/orders/c.ts', 'exports/admin.ts'],
  ['core/messaging/i.service.ts', '@nestjs/common'],
  ['exports/composite.ts', 'infrastructure/services/composites/failover/failover.transport.ts'],
  ['infrastructure/services/kafka/kafka.module.ts', 'core/messaging/transport-kit/deadline.ts'],
  ...DOWNWARDS,
  ['config/e.ts', 'infrastructure/services/transports.ts'],
  ['config/f.ts', 'infrastructure/services/redis/redis.options.ts'],
  ['config/g.ts', 'core/messaging/ports/errors.ts'],
  ['config/h.ts', 'yaml'],
  ['switchyard/e.ts', 'config/read-settings.ts'],
  ['switchyard/f.ts', 'infrastructure/services/memory/b.ts'],
  ['switchyard/g.module.ts', '@nestjs/common'],
  ['testing/d.ts', 'infrastructure/services/memory/b.ts'],
  ['testing/f.ts', 'infrastructure/services/composites/b.ts'],
  ['testing/g.ts', 'config/units.ts'],
  ['testing/conformance/e.ts', 'core/messaging/ports/transport.ts'],
  ['integrations/microservices/d.ts', 'infrastructure/services/admin/index.ts'],
  ['cli/e.ts', 'config/read-settings.ts'],
  ['cli/f.ts', 'cli/embedded/b.ts'],
  ['cli/embedded/b.ts', 'infrastructure/services/embedded/b.ts'],
  ['dashboard/b.ts', 'dashboard/d.ts'],
  ['exports/d.ts', 'switchyard/e.ts'],
  ['exports/e.ts', 'testing/d.ts'],
  ['exports/f.ts', 'dashboard/d.ts'],
];

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

/** What it prints; it fails when it finds something. The deadline is that of the hook, which knows how loaded the machine is. */
async function outputOf(cruiser: string, cwd: string): Promise<string> {
  const args = [cruiser, 'src', '--output-type=json'];
  const run = promisify(execFile)(process.execPath, args, { cwd, maxBuffer: 64 * 2 ** 20 });
  const { stdout } = await run.catch((error: unknown) => error as { readonly stdout: string });
  return stdout;
}

describe('the layer rules', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-layers-'));
  let violations: readonly Violation[] = [];

  beforeAll(async () => {
    for (const name of ['.dependency-cruiser.cjs', '.layers.cjs', 'tsconfig.json'])
      fs.copyFileSync(name, path.join(directory, name));
    fs.symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
    write('core/messaging/h.ts', 'core/messaging/g.ts');
    for (const [, file, target] of VIOLATIONS) write(file, target);
    for (const [file, target] of ALLOWED) write(file, target);
    const cruiser = path.resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const stdout = await outputOf(cruiser, directory);
    violations = JSON.parse(stdout).summary.violations;
  }, 60_000);

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
    const { forbidden } = load('./.dependency-cruiser.cjs') as {
      readonly forbidden: readonly { readonly name: string }[];
    };
    const names = forbidden.map(({ name }) => name);
    expect(new Set(VIOLATIONS.map(([rule]) => rule))).toEqual(new Set(names));
  });

  it.each(Object.entries(ORDER))('give every folder in %s its place', (folder, lines) => {
    const folders = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const places = lines.map((line) => new RegExp(`^${line}$`));
    const strays = folders
      .map(({ name }) => name)
      .filter((name) => !places.some((place) => place.test(name)));
    expect(strays).toEqual([]);
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
