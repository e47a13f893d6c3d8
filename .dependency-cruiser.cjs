/** Files of a room may import the room itself, what is named here, and nothing else of src. */
const mayUse = (room, ...others) => ({
  severity: 'error',
  from: { path: `^src/${room}` },
  to: { path: '^src/', pathNot: [room, ...others].map((path) => `^src/${path}`) },
});

/** Packages that files of a room may not import. One that is not installed has no path in node_modules, only its name. */
const mayNotUse = (room, packages) => ({
  severity: 'error',
  from: { path: `^src/${room}` },
  to: { path: `(^|node_modules/)(${packages})(/|$)` },
});

const demonstration = '(main\\.|app\\.|demonstration/|modules/)';
const entries = '(index\\.ts$|exports/)';
const options = 'infrastructure/services/(transports|[a-z]+/[a-z]+\\.options)\\.ts$';
const reader = 'config/(read-settings|settings\\.schema|sources|switchyard-settings)\\.ts$';

/** One line for each room of src, also for those that are still empty; the published rooms come first. */
// prettier-ignore
const rooms = [
  { name: 'core-knows-no-infrastructure', ...mayUse('core/') },
  { name: 'infrastructure-knows-only-the-core', ...mayUse('infrastructure/', 'core/') },
  { name: 'config-knows-only-options', ...mayUse('config/', 'core/messaging/(routing|pattern|messaging\\.errors)\\.ts$', options) },
  { name: 'front-door-composes', ...mayUse('switchyard/', 'core/', 'infrastructure/', 'config/') },
  { name: 'testing-needs-no-broker', ...mayUse('testing/', 'core/', 'infrastructure/services/memory/') },
  { name: 'integrations-use-the-public-core', ...mayUse('integrations/', 'core/messaging/(admin/)?index\\.ts$') },
  { name: 'commands-are-clients', ...mayUse('cli/(?!embedded)', 'cli/', 'config/', 'core/messaging/messaging\\.errors\\.ts$') },
  { name: 'embedded-commands-use-the-store', ...mayUse('cli/embedded', 'cli/', 'config/', 'core/messaging/', 'infrastructure/services/embedded/') },
  { name: 'dashboard-is-a-client', ...mayUse('dashboard/') },
  { name: 'entries-export-no-application', ...mayUse(entries, 'core/', 'infrastructure/', 'config/', 'switchyard/', 'testing/', 'integrations/', 'dashboard/') },
  { name: 'entries-are-apart', severity: 'error', from: { path: `^src/${entries}` }, to: { path: `^src/${entries}` } },
  { name: 'demonstration-uses-what-is-exported', ...mayUse(demonstration, entries, reader) },
  { name: 'features-use-what-is-exported', ...mayUse('modules/', entries) },
  { name: 'no-other-rooms', severity: 'error', from: { path: `^src/(?!(core|infrastructure|config|switchyard|testing|integrations|cli|dashboard)/|${entries}|${demonstration})` }, to: {} },
  { name: 'clients-belong-to-infrastructure', ...mayNotUse('(?!infrastructure/)', 'ioredis|amqplib|kafkajs|lmdb|prom-client|@willsoto') },
  { name: 'only-config-reads-yaml', ...mayNotUse('(?!config/)', 'yaml') },
  { name: 'config-and-commands-need-no-nest', severity: 'error', from: { path: '^src/(config|cli)/' }, to: { path: 'node_modules/@nestjs/', reachable: true } },
];

const transports = '^src/infrastructure/services/(memory|embedded|redis|rabbitmq|kafka|composites)/';

/**
 * The layer rules of the project; test/architecture/layers.spec.ts seeds each with a violation.
 *
 * Policy lives in the core and runs over any transport. Infrastructure works without the front door. Settings are read by the
 * front door, by commands and by applications; commands load them without Nest. Commands and the dashboard are clients of the
 * admin API, but for commands on a directory of the embedded transport, which need no process that serves one. The
 * demonstration has what an application has that installs the package: the entries, and until they are one, the settings.
 */
module.exports = {
  forbidden: [
    ...rooms,
    {
      name: 'transports-are-strangers',
      comment: 'A transport that imports another cannot be installed, tested or replaced alone.',
      severity: 'error',
      from: { path: transports },
      to: { path: transports, pathNot: '^src/infrastructure/services/$1/' },
    },
    {
      name: 'transports-see-only-the-ports',
      comment: 'A transport moves bytes: ports, typed errors, clock and the shared kit are all it may know.',
      severity: 'error',
      from: { path: transports, pathNot: '\\.module\\.ts$' },
      to: {
        path: '^src/core/',
        pathNot:
          '^src/core/messaging/(transport|composite|messaging\\.errors|clock|transport-kit/[a-z-]+|ports/[a-z-]+|dead-letters/dead-letter-store|dead-letters/dead-letter-filter|idempotency/idempotency-store)\\.ts$',
      },
    },
    {
      name: 'plain-files-stay-plain',
      comment: 'Only files with a Nest suffix may know Nest.',
      severity: 'error',
      from: {
        path: '^src/core/messaging/',
        pathNot:
          '\\.(module|service|controller|decorator|explorer|guard|filter|interceptor|pipe)\\.ts$|\\.spec\\.ts$',
      },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'no-circular',
      comment: 'A cycle has no first file to read.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
