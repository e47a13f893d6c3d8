import { execFileSync } from 'node:child_process';

interface Group {
  readonly args: readonly string[];
  readonly name: string;
  readonly needs: readonly string[];
  readonly files: readonly string[];
}

const PROGRAM = `
import * as groups from './scripts/test-groups.mjs';
const [name, argument] = JSON.parse(process.argv[1]);
console.log(JSON.stringify(groups[name](argument)));
`;

function call(name: 'groupsOf' | 'needsOf' | 'quickFilesOf', argument: unknown): unknown {
  const input = JSON.stringify([name, argument]);
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM, input], {
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const PURE = [
  'src/core/a.spec.ts',
  'test/architecture/b.spec.ts',
  'test/support/brokers/fault-proxy.spec.ts',
];
const REDIS = ['test/conformance/redis.conformance.spec.ts', 'test/faults/redis-kill.spec.ts'];
const BOTH = 'test/e2e/from-kafka-to-redis.spec.ts';

describe('the groups of the tests', () => {
  it.each([
    ['test/conformance/redis.conformance.spec.ts', ['redis']],
    ['test/faults/rabbitmq-cluster.spec.ts', ['rabbitmq']],
    ['test/faults/kafka/kill.spec.ts', ['kafka']],
    ['test/support/brokers/test-certificates.spec.ts', ['openssl']],
    [BOTH, ['kafka', 'redis']],
    ['test/e2e/rediscovery.spec.ts', []],
    ['test/conformance/memory.conformance.spec.ts', []],
    ['src/infrastructure/services/redis/redis-codec.spec.ts', []],
  ])('tell what %s needs by its name', (file, needs) => {
    expect(call('needsOf', file)).toEqual(needs);
  });

  it('hold every spec once, and those of each broker by themselves', () => {
    const others = [
      'test/conformance/memory.conformance.spec.ts',
      'test/e2e/c.spec.ts',
      'test/faults/d.spec.ts',
    ];
    const files = [BOTH, ...REDIS, 'test/unheard-of/e.spec.ts', ...others, ...PURE];
    const groups = call('groupsOf', files) as Group[];
    expect(groups.map(({ name }) => name)).toEqual([
      'units and architecture',
      'conformance',
      'end to end',
      'faults',
      'others',
      'redis conformance',
      'redis',
      'kafka and redis',
    ]);
    expect(groups.flatMap((group) => group.files).sort()).toEqual([...files].sort());
    const [conformance, faults] = REDIS;
    expect(groups.find(({ name }) => name === 'redis conformance')).toMatchObject({
      needs: ['redis'],
      files: [conformance],
      args: ['--maxWorkers=2'],
    });
    expect(groups.find(({ name }) => name === 'redis')).toMatchObject({
      needs: ['redis'],
      files: [faults],
      args: ['--runInBand'],
    });
    expect(groups[0]).toMatchObject({ needs: [], files: PURE });
  });

  it('need nothing in the quick run', () => {
    const memory = 'test/conformance/memory-stores.conformance.spec.ts';
    const files = [...PURE, ...REDIS, BOTH, memory, 'test/conformance/redis-memory.conformance.spec.ts'];
    expect(call('quickFilesOf', files)).toEqual([PURE[0], PURE[1], memory]);
  });
});
