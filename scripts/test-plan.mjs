/**
 * Assigns specs: every spec belongs to one group of `npm run test:full`, and `npm test` runs the parts below. The
 * path of a spec determines its group; to be in `npm test` it needs a line in PARTS.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** The servers that a word in the path of a spec below `test/` requires. */
const NEEDS = {
  redis: 'redis',
  old: 'old-redis',
  newer: 'debian-13',
  rabbitmq: 'rabbitmq',
  kafka: 'kafka',
  certificates: 'openssl',
  tls: 'openssl',
};

/** Pure specs run in parallel; specs that measure time or kill processes run alone. */
const SHARED = ['--maxWorkers=2'];
const IN_BAND = ['--runInBand'];
/**
 * Because lmdb prints a line for every failed write, sometimes after the end of a spec, and Jest then fails the
 * run.
 */
const SILENT = [...IN_BAND, '--silent'];
/** Fails on purpose; scripts/seed-faults.mjs runs it. */
export const SEEDED = 'test/conformance/seeded-faults/';
/** Applications of their own; scripts/fixture-apps.mjs builds and tests them. */
export const FIXTURES = 'test/fixtures/';

/** What scripts use that install the package or replace its peers, besides what they import. */
const PACKAGE = [
  'package.json',
  'src/exports/kafka.ts',
  'src/exports/microservices.ts',
  'src/exports/rabbitmq.ts',
  'src/exports/redis.ts',
  'src/exports/testing.ts',
  'src/exports/testing/conformance.ts',
  'src/index.ts',
  'test/fixtures/low-peers/package-lock.json',
];

/** What the applications consist of that use the package. */
const APPLICATIONS = fs
  .readdirSync(new URL(`../${FIXTURES}`, import.meta.url), { recursive: true })
  .map((name) => FIXTURES + name.split(path.sep).join('/'))
  .filter((name) => !/\/(node_modules|dist|node-versions)\//.test(name) && path.extname(name) !== '')
  .sort();

/**
 * Groups of `npm run test:full`: the specs that match `specs`, or a script that ends with `N passed, N failed`, which
 * also uses the files in `inputs`. Names that begin with the same broker are selected together by `-- --group redis`.
 */
export const GROUPS = [
  {
    name: 'units',
    specs:
      /^(src|test\/architecture)\/|^test\/support\/(brokers\/fault-proxy|machine|loop-watch)|^test\/proof\/checker|^test\/faults\/(key-order|under-load)/,
    args: SHARED,
  },
  // Its cases mostly wait for conditions.
  {
    name: 'conformance',
    specs: /^test\/conformance\/(memory|embedded|balanced|failover|spooled|outage)\W/,
    args: SHARED,
  },
  { name: 'e2e', specs: /^test\/e2e\/(?!redis|rabbitmq|kafka|kill-loop|bundled)/ },
  { name: 'kill-loop', specs: /^test\/e2e\/kill-loop/ },
  { name: 'bundled', specs: /^test\/e2e\/bundled/ },
  { name: 'planted-secrets', specs: /^test\/faults\/planted-secrets/ },
  { name: 'certificates', specs: /^test\/support\/brokers\/test-certificates/ },
  { name: 'embedded-faults', specs: /^test\/faults\/embedded/, args: SILENT },
  { name: 'embedded-nemesis', specs: /^test\/proof\/embedded/ },
  { name: 'embedded-samples', specs: /^test\/compatibility\/embedded-sample/ },

  { name: 'versions-embedded', specs: /^test\/versions\/embedded/, args: SILENT },
  { name: 'versions-redis', specs: /^test\/versions\/redis/ },
  { name: 'versions-rabbitmq', specs: /^test\/versions\/rabbitmq/ },
  { name: 'versions-kafka', specs: /^test\/versions\/kafka/ },

  { name: 'redis-e2e', specs: /^test\/(e2e|support\/brokers)\/redis(?!-rabbitmq|-kafka)/ },
  // Its servers need so little that two suites of the same cases can run in parallel.
  { name: 'redis-conformance', specs: /^test\/conformance\/redis(?!-rabbitmq|-kafka)/, args: SHARED },
  { name: 'redis-faults', specs: /^test\/faults\/redis-(?!rabbitmq|kafka)/ },
  { name: 'redis-nemesis', specs: /^test\/proof\/redis-(?!rabbitmq|kafka)/ },
  { name: 'redis-samples', specs: /^test\/compatibility\/redis-sample/ },
  { name: 'redis-newer', specs: /^test\/conformance\/newer-valkey/ },
  { name: 'redis-old', specs: /^test\/(conformance|faults)\/old-redis/ },

  { name: 'rabbitmq-e2e', specs: /^test\/e2e\/rabbitmq/ },
  { name: 'rabbitmq-conformance', specs: /^test\/conformance\/rabbitmq(?!-cluster)/ },
  { name: 'rabbitmq-cluster-conformance', specs: /^test\/conformance\/rabbitmq-cluster/ },
  { name: 'rabbitmq-faults', specs: /^test\/faults\/rabbitmq-(?!cluster)/ },
  { name: 'rabbitmq-cluster-faults', specs: /^test\/faults\/rabbitmq-cluster/ },
  { name: 'rabbitmq-newer', specs: /^test\/conformance\/newer-rabbitmq/ },
  { name: 'rabbitmq-nemesis', specs: /^test\/proof\/rabbitmq/ },

  { name: 'kafka-e2e', specs: /^test\/e2e\/kafka/ },
  { name: 'kafka-conformance', specs: /^test\/conformance\/kafka(?!-cluster)/ },
  { name: 'kafka-cluster-conformance', specs: /^test\/conformance\/kafka-cluster/ },
  { name: 'kafka-faults', specs: /^test\/faults\/kafka-(?!cluster)/ },
  { name: 'kafka-cluster-faults', specs: /^test\/faults\/kafka-cluster/ },
  { name: 'kafka-nemesis', specs: /^test\/proof\/kafka/ },

  { name: 'brokers-e2e', specs: /^test\/(e2e|compatibility)\/redis-rabbitmq/ },
  { name: 'brokers-conformance', specs: /^test\/conformance\/redis-rabbitmq/ },
  { name: 'brokers-faults', specs: /^test\/faults\/redis-rabbitmq/ },
  { name: 'brokers-nemesis', specs: /^test\/proof\/redis-rabbitmq/ },

  { name: 'examples', specs: /^test\/examples\// },
  { name: 'fixtures', script: 'scripts/fixture-apps.mjs', inputs: [...PACKAGE, ...APPLICATIONS] },
  // The oldest peers that package.json allows.
  { name: 'low-peers', script: 'scripts/low-peers.mjs', args: ['application'], inputs: PACKAGE },
  {
    name: 'redis-low-peers',
    script: 'scripts/low-peers.mjs',
    args: ['redis'],
    needs: ['redis'],
    inputs: PACKAGE,
  },
  {
    name: 'rabbitmq-low-peers',
    script: 'scripts/low-peers.mjs',
    args: ['rabbitmq'],
    needs: ['rabbitmq'],
    inputs: PACKAGE,
  },

  {
    name: 'node-versions',
    script: 'scripts/node-versions.mjs',
    inputs: [
      ...PACKAGE,
      'test/fixtures/nest-11/package-lock.json',
      'test/fixtures/node-versions/package-lock.json',
      'test/fixtures/shared/orders.module.spec.ts',
      'test/fixtures/shared/orders.module.ts',
    ],
  },

  { name: 'seeded-faults', script: 'scripts/seed-faults.mjs' },
  { name: 'mutations', script: 'scripts/mutations.mjs', needs: ['kafka', 'rabbitmq', 'redis'] },
];

/**
 * Parts of `npm test`, by lane: those of one lane run one after the other, and the lanes side by side. The brokers
 * have one lane, so that servers of different brokers are up at the same time only where a spec starts them
 * itself. `tests` chooses by name.
 */
export const PARTS = [
  { name: 'units', lane: 'embedded', specs: GROUPS[0].specs },
  {
    name: 'conformance',
    lane: 'embedded',
    specs: /^test\/conformance\/(memory|embedded|balanced|failover|spooled|outage)\W/,
    args: SHARED,
  },
  {
    name: 'examples',
    lane: 'embedded',
    // Without the conformance suite of the transport there, which takes two minutes.
    specs: /^test\/examples\/(?!redis|rabbitmq|kafka|custom-transport|programs)/,
  },
  { name: 'programs', lane: 'embedded', specs: /^test\/examples\/programs/, tests: 'embedded starts' },
  { name: 'e2e', lane: 'embedded', specs: /^test\/e2e\/(?!redis|rabbitmq|kafka|kill-loop|bundled)/ },
  { name: 'kill-loop', lane: 'embedded', specs: /^test\/e2e\/kill-loop/, env: { KILL_ROUNDS: '10' } },
  { name: 'bundled', lane: 'embedded', specs: /^test\/e2e\/bundled/, tests: 'by esbuild' },
  {
    name: 'bit-flips',
    lane: 'embedded',
    specs: /^test\/faults\/embedded-bit-flips/,
    // The same flips each time; test:full draws new ones.
    env: { FLIP_ROUNDS: '20', POISON_SEED: '1905514852' },
  },
  {
    name: 'planted-secrets',
    lane: 'embedded',
    specs: /^test\/faults\/planted-secrets\.spec/,
    tests: 'a secret at any key of kafka',
  },
  { name: 'samples', lane: 'embedded', specs: /^test\/compatibility\/embedded-sample/ },
  {
    name: 'redis',
    lane: 'brokers',
    specs: /^test\/((conformance|e2e)\/redis\.|compatibility\/redis-sample)/,
  },
  { name: 'redis-control', lane: 'brokers', specs: /^test\/conformance\/redis-control/ },
  {
    name: 'redis-removed',
    lane: 'brokers',
    specs: /^test\/faults\/redis-removed/,
    tests: 'its entries are deleted \\(XDEL\\)',
  },
  {
    name: 'redis-interrupted',
    lane: 'brokers',
    specs: /^test\/faults\/redis-interrupted/,
    tests: 'the permission to read \\(XREADGROUP\\)',
  },
  {
    name: 'redis-poison',
    lane: 'brokers',
    specs: /^test\/faults\/redis-poison/,
    tests: 'a garbage member of the delayed set',
  },
  { name: 'versions', lane: 'brokers', specs: /^test\/versions\/redis-(stores|side)/ },
  { name: 'rabbitmq', lane: 'brokers', specs: /^test\/(conformance|e2e)\/rabbitmq\./ },
  {
    name: 'rabbitmq-poison',
    lane: 'brokers',
    specs: /^test\/faults\/rabbitmq-poison/,
    tests: 'neighbours are handled: nested thousands deep',
  },
  {
    name: 'rabbitmq-interrupted',
    lane: 'brokers',
    specs: /^test\/faults\/rabbitmq-interrupted/,
    tests: 'its queue is deleted and made with other arguments',
  },
  { name: 'kafka', lane: 'brokers', specs: /^test\/(conformance|e2e)\/kafka\./ },
  {
    name: 'kafka-poison',
    lane: 'brokers',
    specs: /^test\/faults\/kafka-poison/,
    tests: 'a gzip bomb',
  },
  {
    name: 'kafka-interrupted',
    lane: 'brokers',
    specs: /^test\/faults\/kafka-interrupted/,
    tests: 'has lost the permission to read its topic',
  },
  {
    name: 'failover',
    lane: 'brokers',
    specs: /^test\/faults\/redis-rabbitmq-failover/,
    tests: 'when RabbitMQ is killed under load',
  },
  { name: 'spool', lane: 'brokers', specs: /^test\/e2e\/redis-spool/ },
  { name: 'nest-11', lane: 'embedded', script: 'scripts/fixture-apps.mjs', args: ['nest-11'] },
  {
    name: 'docs-and-package',
    lane: 'embedded',
    script: 'scripts/check.mjs',
    args: ['reference', 'guarantees', 'package'],
  },
];

/** Every spec of the project with this root, relative to it, in the order of their paths. */
export function specFiles(root) {
  return ['src', 'test']
    .flatMap((folder) =>
      fs
        .readdirSync(path.join(root, folder), { recursive: true })
        .map((name) => `${folder}/${name.split(path.sep).join('/')}`),
    )
    .filter((name) => name.endsWith('.spec.ts'))
    .filter((name) => ![SEEDED, FIXTURES].some((folder) => name.startsWith(folder)))
    .sort();
}

/**
 * The servers that a spec needs: `test/faults/redis-kill.spec.ts` needs redis, `test/e2e/kafka-to-redis.spec.ts`
 * needs both. Specs in `src/` need nothing.
 */
export function needsOf(file) {
  if (!file.startsWith('test/')) return [];
  const words = file.replace(/\.spec\.ts$/, '').split(/[^a-z0-9]+/);
  return [...new Set(words.flatMap((word) => (Object.hasOwn(NEEDS, word) ? [NEEDS[word]] : [])))].sort();
}

/** Groups or parts with their own of the `files`, and the servers that these need. */
export function planned(entries, files) {
  return entries.map((entry) => {
    const own = entry.specs === undefined ? [] : files.filter((file) => entry.specs.test(file));
    const needs = [...new Set([...own.flatMap(needsOf), ...(entry.needs ?? [])])].sort();
    return { args: entry.script === undefined ? IN_BAND : [], ...entry, files: own, needs };
  });
}

/** The groups of this name, or whose name begins with it. */
export function groupsNamed(name) {
  return GROUPS.filter((group) => group.name === name || group.name.startsWith(`${name}-`));
}

/** True when `npm test` runs all specs of a group as `npm run test:full` does. */
export function isInNpmTest(group) {
  const whole = PARTS.filter(({ specs, tests, env }) => specs && tests === undefined && env === undefined);
  return group.files.length > 0 && group.files.every((file) => whole.some(({ specs }) => specs.test(file)));
}

/** Groups that need neither a build nor a server. */
export const PURE_GROUPS = GROUPS.filter(({ name }) => ['units', 'conformance'].includes(name));
