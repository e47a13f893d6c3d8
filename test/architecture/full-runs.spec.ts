import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { machineNow } from '../support/machine-time.js';

interface Run {
  readonly hash: string;
  readonly result: string;
  readonly seconds: number;
  readonly loaded?: boolean;
}

interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

interface FullRuns {
  hashes(groups: readonly Group[]): Map<string, string>;
  stale(groups: readonly Group[]): readonly Group[];
  write(name: string, run: Run): void;
}

interface Reached {
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

const { FullRuns, entriesOf } = jest.requireActual<{
  readonly FullRuns: new (root: string) => FullRuns;
  readonly entriesOf: (group: Group) => readonly string[];
}>('../../scripts/full-runs.mjs');
const { Reach } = jest.requireActual<{
  readonly Reach: new (root: string) => { from(entries: readonly string[]): Reached };
}>('../../scripts/reach.mjs');
const plan = jest.requireActual<{
  readonly GROUPS: readonly Group[];
  readonly planned: (groups: readonly Group[], files: readonly string[]) => readonly Group[];
  readonly specFiles: (root: string) => readonly string[];
}>('../../scripts/test-plan.mjs');

const GROUPS = [
  { name: 'one', files: ['test/one.spec.ts'] },
  { name: 'two', files: ['test/two.spec.ts'] },
];
const LOCK = {
  packages: {
    '': {},
    'node_modules/used': { version: '1.0.0', integrity: 'a', dependencies: { below: '^1', deep: '^1' } },
    'node_modules/used/node_modules/deep': { version: '1.0.0' },
    'node_modules/below': { version: '1.0.0', peerDependencies: { peer: '1' } },
    'node_modules/peer': { version: '1.0.0' },
    'node_modules/deep': { version: '2.0.0' },
    'node_modules/other': { version: '1.0.0' },
  },
};
const FILES: Readonly<Record<string, string>> = {
  'test/one.spec.ts': `import { a } from '../src/a.js';
    spawn('node', ['test/child.ts']);
    // spawn('node', ['test/told-of.ts']);
    spawn('node', ['dist/esm/main.js']);
    const { b } = await import('../src/later.js');
    const name = 'config/one.yaml';
    const lock = '.bootstrap.lock';`,
  'test/two.spec.ts': `import { c } from '../src/c.js';`,
  'test/child.ts': `export * from '../src/of-child.js';`,
  'test/told-of.ts': '',
  'src/a.ts': `import used from 'used/lib';
    import {
      below,
    } from './below-a.js';`,
  'src/below-a.ts': '',
  'src/c.ts': '',
  'src/later.ts': '',
  'src/of-child.ts': '',
  'src/main.ts': `import './of-main.js';`,
  'src/of-main.ts': '',
  'config/one.yaml': 'a: 1',
};

describe('a full run', () => {
  let root: string;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-full-runs-'));
    for (const [name, text] of Object.entries(FILES)) write(name, text);
    lock({});
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it.each([
    ['the spec', 'test/one.spec.ts'],
    ['what it imports', 'src/a.ts'],
    ['what that imports, over several lines', 'src/below-a.ts'],
    ['what is imported later', 'src/later.ts'],
    ['a script that is started by its path', 'test/child.ts'],
    ['what such a script imports', 'src/of-child.ts'],
    ['the source of what is started once it is built', 'src/of-main.ts'],
    ['a configuration that is read by its path', 'config/one.yaml'],
  ])('is out of date once this has changed: %s', (_, file) => {
    const before = hashes();
    fs.appendFileSync(path.join(root, file), '\n// changed');
    const after = hashes();
    expect(after['one']).not.toBe(before['one']);
    expect(after['two']).toBe(before['two']);
  });

  it('does not mind the lock of another command that installs', () => {
    const before = hashes();
    write('.bootstrap.lock', '');
    expect(hashes()).toEqual(before);
  });

  it.each(['test/told-of.ts', 'src/c.ts'])(
    'does not mind a change of %s, which it does not reach',
    (file) => {
      const before = hashes();
      fs.appendFileSync(path.join(root, file), '\n// changed');
      expect(hashes()['one']).toBe(before['one']);
    },
  );

  it.each([
    ['that is imported', 'node_modules/used'],
    ['below it', 'node_modules/below'],
    ['that is nested in it', 'node_modules/used/node_modules/deep'],
    ['that is its peer', 'node_modules/peer'],
  ])('is out of date once another version of a package is locked %s', (_, place) => {
    const before = hashes();
    lock({ [place]: { version: '1.0.1' } });
    expect(hashes()['one']).not.toBe(before['one']);
    expect(hashes()['two']).toBe(before['two']);
  });

  it.each(['node_modules/other', 'node_modules/deep'])('does not mind another version of %s', (place) => {
    const before = hashes();
    lock({ [place]: { version: '9.0.0' } });
    expect(hashes()).toEqual(before);
  });

  it('is the same in another folder', () => {
    const before = hashes();
    const moved = `${root}-moved`;
    fs.renameSync(root, moved);
    root = moved;
    expect(hashes()).toEqual(before);
  });

  it('counts only when it was green, over what is there', () => {
    expect(stale()).toEqual(['one', 'two']);
    const { one, two } = hashes();
    note('one', { hash: one!, result: 'passed', seconds: 5 });
    note('two', { hash: two!, result: 'failed', seconds: 5 });
    expect(stale()).toEqual(['two']);
    fs.appendFileSync(path.join(root, 'src/a.ts'), '\n');
    expect(stale()).toEqual(['one', 'two']);
  });

  it('keeps the time of the last quiet run when the machine was loaded', () => {
    note('one', { hash: 'a', result: 'passed', seconds: 99, loaded: true });
    expect(noted('one')).toMatchObject({ seconds: 99, loaded: true });
    note('one', { hash: 'a', result: 'passed', seconds: 5, loaded: false });
    note('one', { hash: 'b', result: 'passed', seconds: 50, loaded: true });
    expect(noted('one')).toMatchObject({ hash: 'b', seconds: 5, loaded: true });
    note('one', { hash: 'b', result: 'passed', seconds: 6, loaded: false });
    expect(noted('one')).toMatchObject({ seconds: 6 });
    expect(noted('one')).not.toHaveProperty('loaded');
  });

  function write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }

  function lock(changes: Readonly<Record<string, object>>): void {
    const packages: Record<string, object> = { ...LOCK.packages };
    for (const [place, change] of Object.entries(changes))
      packages[place] = { ...packages[place], ...change };
    write('package-lock.json', JSON.stringify({ packages }));
  }

  function hashes(): Record<string, string> {
    return Object.fromEntries(new FullRuns(root).hashes(GROUPS));
  }

  function stale(): readonly string[] {
    return new FullRuns(root).stale(GROUPS).map(({ name }) => name);
  }

  function note(name: string, run: Run): void {
    new FullRuns(root).write(name, run);
  }

  function noted(name: string): unknown {
    return (JSON.parse(fs.readFileSync(path.join(root, 'test/full-runs.json'), 'utf8')) as object)[
      name as never
    ];
  }
});

describe('the groups of the project', () => {
  const groups = plan.planned(plan.GROUPS, plan.specFiles(process.cwd()));
  const reach = new Reach(process.cwd());
  const reached = Object.fromEntries(groups.map((group) => [group.name, reach.from(entriesOf(group))]));

  it.each([
    ['kafka-faults', 'test/faults/keys-child.ts'],
    ['redis-faults', 'test/faults/redis-child.ts'],
    ['redis-conformance', 'test/conformance/transport-process.ts'],
    ['kafka-nemesis', 'test/proof/worker.ts'],
    ['e2e', 'src/main.ts'],
    ['kill-loop', 'src/main.ts'],
    ['seeded-faults', 'test/conformance/seeded-faults/seeded.spec.ts'],
    ['mutations', 'scripts/soak.ts'],
  ])('%s reaches %s, which is started by its path', (group, file) => {
    expect(reached[group]?.files).toContain(file);
  });

  it.each(['redis', 'rabbitmq', 'kafka'])('reach the sources of %s and its client', (broker) => {
    const { files, packages } = reached[`${broker}-faults`]!;
    expect(files.some((file) => file.startsWith('src/') && file.includes(`/${broker}/`))).toBe(true);
    const clients = { redis: 'ioredis', rabbitmq: 'amqplib', kafka: 'kafkajs' };
    expect(packages).toContain(clients[broker as keyof typeof clients]);
  });

  it.each(['redis-faults', 'rabbitmq-faults', 'kafka-faults', 'embedded-faults', 'seeded-faults'])(
    '%s do not reach the application, whose changes say nothing of a broker',
    (group) => {
      expect(reached[group]?.files).not.toContain('src/main.ts');
    },
  );

  it('are looked at within three seconds', () => {
    const startedAt = machineNow();
    new FullRuns(process.cwd()).hashes(groups);
    expect(machineNow() - startedAt).toBeLessThan(3_000);
  });
});
