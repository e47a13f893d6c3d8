import * as fs from 'node:fs';

interface Planned {
  readonly name: string;
  readonly needs: readonly string[];
  readonly files: readonly string[];
  readonly args: readonly string[];
  readonly script?: string;
  readonly tests?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Plan {
  readonly specs: readonly string[];
  readonly groups: readonly Planned[];
  readonly parts: readonly Planned[];
}

interface PlanModule {
  readonly GROUPS: readonly Planned[];
  readonly PARTS: readonly Planned[];
  readonly PURE_GROUPS: readonly Planned[];
  readonly specFiles: (root: string) => readonly string[];
  readonly planned: (entries: readonly Planned[], files: readonly string[]) => readonly Planned[];
  readonly needsOf: (file: string) => readonly string[];
  readonly isInNpmTest: (group: Planned) => boolean;
}

interface Reach {
  from(entries: readonly string[]): { readonly files: readonly string[] };
}

const root = process.cwd();
const { GROUPS, PARTS, PURE_GROUPS, isInNpmTest, needsOf, planned, specFiles } =
  jest.requireActual<PlanModule>('../../scripts/test-plan.mjs');
const { Reach } = jest.requireActual<{ readonly Reach: new (root: string) => Reach }>(
  '../../scripts/reach.mjs',
);
const { BENCH_NEEDS } = jest.requireActual<{ readonly BENCH_NEEDS: object }>('../../bench/needs.mjs');

function planOf(specs: readonly string[]): Plan {
  return { specs, groups: planned(GROUPS, specs), parts: planned(PARTS, specs) };
}

const plan = planOf(specFiles(root));

/** Specs that are not in exactly one group. */
function misplaced({ specs, groups }: Plan): readonly string[] {
  return specs.filter((spec) => groups.filter(({ files }) => files.includes(spec)).length !== 1);
}

function partWith(spec: string): Planned | undefined {
  return plan.parts.find(({ files }) => files.includes(spec));
}

describe('the plan of the tests', () => {
  it('has every spec in exactly one group', () => {
    expect(misplaced(plan)).toEqual([]);
    expect(misplaced(planOf(['test/unheard-of/e.spec.ts', 'src/a.spec.ts']))).toEqual([
      'test/unheard-of/e.spec.ts',
    ]);
  });

  it('has nothing that runs nothing', () => {
    const empty = [...plan.groups, ...plan.parts].filter(
      ({ files, script }) => files.length === 0 && !fs.existsSync(script ?? ''),
    );
    expect(empty).toEqual([]);
  });

  it('gives options of Jest to specs only', () => {
    const options = [...plan.groups, ...plan.parts]
      .filter(({ script }) => script !== undefined)
      .flatMap(({ args }) => args.filter((argument) => argument.startsWith('-')));
    expect(options).toEqual([]);
  });

  it('has names that a shell takes as they are', () => {
    const names = plan.groups.map(({ name }) => name);
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    ['test/conformance/redis.conformance.spec.ts', ['redis']],
    ['test/faults/rabbitmq-cluster.spec.ts', ['rabbitmq']],
    ['test/faults/kafka/kill.spec.ts', ['kafka']],
    ['test/support/brokers/test-certificates.spec.ts', ['openssl']],
    ['test/faults/old-redis.spec.ts', ['old-redis', 'redis']],
    ['test/conformance/newer-valkey.conformance.spec.ts', ['debian-13']],
    ['test/e2e/from-kafka-to-redis.spec.ts', ['kafka', 'redis']],
    ['test/e2e/rediscovery.spec.ts', []],
    ['test/conformance/memory.conformance.spec.ts', []],
    ['src/infrastructure/services/redis/redis-codec.spec.ts', []],
  ])('derives the servers of %s from its name', (file, needs) => {
    expect(needsOf(file)).toEqual(needs);
  });

  it('needs neither a build nor a server for npm run unit', () => {
    const groups = planned(PURE_GROUPS, plan.specs);
    const reach = new Reach(root);
    // Specs of the architecture look at files that they do not start.
    const builds = groups
      .flatMap(({ files }) => files.filter((file) => !file.startsWith('test/architecture/')))
      .filter((file) => reach.from([file]).files.includes('test/support/demonstration.ts'));
    expect({ builds, needs: groups.flatMap(({ needs }) => needs) }).toEqual({ builds: [], needs: [] });
  });

  it('takes nothing for proven by npm test that is run there in part only', () => {
    const covered = plan.groups.filter(isInNpmTest).map(({ name }) => name);
    expect(covered).toEqual(expect.arrayContaining(['units', 'conformance', 'e2e']));
    for (const name of ['kill-loop', 'redis-conformance', 'brokers-faults', 'mutations'])
      expect(covered).not.toContain(name);
  });
});

describe('npm test', () => {
  it('has every spec of the sources and of the architecture', () => {
    const pure = plan.specs.filter((spec) => /^(src|test\/architecture)\//.test(spec));
    expect(pure.length).toBeGreaterThan(50);
    expect(pure.filter((spec) => partWith(spec) === undefined)).toEqual([]);
  });

  it.each(['memory', 'embedded', 'balanced', 'failover', 'spooled', 'redis', 'rabbitmq', 'kafka'])(
    'has the conformance of %s',
    (transport) => {
      const part = partWith(`test/conformance/${transport}.conformance.spec.ts`);
      expect(part).toBeDefined();
      expect(part?.tests).toBeUndefined();
    },
  );

  it.each(['redis', 'rabbitmq', 'kafka', 'readme', 'package'])('has the end-to-end suite of %s', (name) => {
    expect(partWith(`test/e2e/${name}.spec.ts`)?.name).toBeDefined();
  });

  it('has ten rounds of the kill loop, a failover and an outage of a spool on real brokers', () => {
    expect(partWith('test/e2e/kill-loop.spec.ts')).toMatchObject({ env: { KILL_ROUNDS: '10' } });
    const failover = partWith('test/faults/redis-rabbitmq-failover.spec.ts');
    expect(fs.readFileSync('test/faults/redis-rabbitmq-failover.spec.ts', 'utf8')).toContain(
      failover?.tests ?? 'none',
    );
    expect(partWith('test/e2e/redis-spool.spec.ts')).toMatchObject({ needs: ['redis'] });
  });

  it('checks docs and package', () => {
    expect(plan.parts.find(({ script }) => script === 'scripts/check.mjs')).toMatchObject({
      args: ['reference', 'guarantees', 'package'],
    });
  });
});

it('the brokers of a bench are those that it starts', () => {
  const servers = { redis: 'redis-server', rabbitmq: 'rabbitmq-cluster', kafka: 'kafka-cluster' };
  const reach = new Reach(root);
  const benches = fs
    .readFileSync('bench/run.ts', 'utf8')
    .matchAll(/^ {2}(\w+): .*import\('\.\/(.*)\.js'\)/gm);
  const started = [...benches].map(([, name = '', file = '']) => {
    const { files } = reach.from([`bench/${file}.ts`]);
    const isStarted = ([, module]: [string, string]): boolean =>
      files.includes(`test/support/brokers/${module}.ts`);
    return [
      name,
      Object.entries(servers)
        .filter(isStarted)
        .map(([broker]) => broker),
    ];
  });
  expect(started.map(([name]) => name)).toContain('redis');
  expect(BENCH_NEEDS).toEqual(Object.fromEntries(started));
});
