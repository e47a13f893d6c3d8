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
const options = 'infrastructure/services/(transports|[a-z/]+\\.options)\\.ts$';

/** One line for each room of src, also for those that are still empty; the published rooms come first. */
// prettier-ignore
const rooms = [
  { name: 'core-knows-no-infrastructure', ...mayUse('core/') },
  { name: 'infrastructure-knows-only-the-core', ...mayUse('infrastructure/', 'core/') },
  { name: 'config-knows-only-options', ...mayUse('config/', 'core/messaging/(routing/(routing-table|topic-pattern)|ports/(errors|drain-signals)|redaction/redaction-options)\\.ts$', options) },
  { name: 'front-door-composes', ...mayUse('switchyard/', 'core/', 'infrastructure/', 'config/') },
  { name: 'testing-needs-no-broker', ...mayUse('testing/', 'core/', 'infrastructure/services/(memory|composites)/', 'config/units\\.ts$') },
  { name: 'integrations-use-the-public-core', ...mayUse('integrations/', '(core/messaging|infrastructure/services/admin)/index\\.ts$', 'core/messaging/(transport-kit/load-client|observing/own-logger)\\.ts$') },
  { name: 'commands-are-clients', ...mayUse('cli/(?!embedded)', 'cli/', 'config/', 'core/messaging/(ports/errors|transport-kit/deadline)\\.ts$') },
  { name: 'embedded-commands-use-the-store', ...mayUse('cli/embedded', 'cli/', 'config/', 'core/messaging/', 'infrastructure/services/embedded/') },
  { name: 'dashboard-is-a-client', ...mayUse('dashboard/') },
  { name: 'entries-export-no-application', ...mayUse(entries, 'core/', 'infrastructure/', 'config/', 'switchyard/', 'testing/', 'integrations/', 'dashboard/') },
  { name: 'entries-are-apart', severity: 'error', from: { path: `^src/${entries}` }, to: { path: `^src/${entries}` } },
  { name: 'demonstration-uses-what-is-exported', ...mayUse(demonstration, entries) },
  { name: 'features-use-what-is-exported', ...mayUse('modules/', entries) },
  { name: 'no-other-rooms', severity: 'error', from: { path: `^src/(?!(core|infrastructure|config|switchyard|testing|integrations|cli|dashboard)/|${entries}|${demonstration})` }, to: {} },
  { name: 'clients-belong-to-infrastructure', ...mayNotUse('(?!infrastructure/)', 'ioredis|amqplib|kafkajs|lmdb|prom-client|@willsoto') },
  { name: 'only-config-reads-yaml', ...mayNotUse('(?!config/)', 'yaml') },
  { name: 'config-and-commands-need-no-nest', severity: 'error', from: { path: '^src/(config|cli)/' }, to: { path: 'node_modules/@nestjs/', reachable: true } },
];

const order = require('./.layers.cjs');

const services = '^src/infrastructure/services';
const transports = `${services}/(memory|embedded|redis|rabbitmq|kafka|composites)/`;
const inner = `${services}/(memory|embedded|redis|rabbitmq|kafka|composites|admin|health|metrics)/[a-z-]+/`;
const composites = `${services}/composites/[a-z]+/[a-z]+\\.(options|transport)\\.ts$`;

/** One rule for each line of a folder's order: it imports nothing from a line above it, nor from the files on top. */
const downwards = Object.entries(order).flatMap(([folder, lines]) => {
  const inside = (line) => `${line.replaceAll('.', '\\.')}${line.includes('.') ? '$' : '/'}`;
  return lines.map((line, index) => ({
    name: 'only-downwards',
    comment: `.layers.cjs lists the folders of ${folder} from the top down. An import upwards ties both together.`,
    severity: 'error',
    from: { path: `^${folder}/${inside(line)}` },
    to: { path: `^${folder}/`, pathNot: `^${folder}/(${lines.slice(index).map(inside).join('|')})` },
  }));
});

/**
 * The layer rules of the project; test/architecture/layers.spec.ts seeds each with a violation.
 *
 * Policy lives in the core and runs over any transport. Infrastructure works without the front door. Settings are read by the
 * front door, by commands and by applications; commands load them without Nest. Commands and the dashboard are clients of the
 * admin API, but for commands on a directory of the embedded transport, which need no process that serves one. The
 * demonstration has what an application has that installs the package: the entries.
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
      from: { path: transports },
      to: { path: '^src/core/', pathNot: '^src/core/messaging/(ports|transport-kit)/' },
    },
    {
      name: 'core-serves-no-http',
      comment: 'HTTP is a surface of the infrastructure: admin, health, metrics.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^(node:)?https?$|node_modules/(@nestjs/platform-[a-z]+|express)/' },
    },
    {
      name: 'surfaces-see-no-pipeline',
      comment: 'Who shows the state of messaging reads views, services and ports, not the machinery.',
      severity: 'error',
      from: { path: `${services}/(admin|health|metrics|checks)/` },
      to: { path: '^src/core/messaging/(runtime|publishing|delivery|handlers)/' },
    },
    {
      name: 'outside-names-only-the-root',
      comment: 'What lies deeper in a folder of a service is its own affair.',
      severity: 'error',
      from: { path: `${services}/([a-z-]+)/` },
      to: { path: inner, pathNot: [`${services}/$1/`, composites] },
    },
    {
      name: 'outside-names-only-the-root',
      comment: 'As above, for what stands beside those folders or further away.',
      severity: 'error',
      from: { path: '^src/', pathNot: `${services}/[a-z-]+/` },
      to: { path: inner, pathNot: composites },
    },
    ...downwards,
    {
      name: 'plain-files-stay-plain',
      comment: 'Only files with a Nest suffix may know Nest, and the one that writes to its logger.',
      severity: 'error',
      from: {
        path: '^src/core/messaging/',
        pathNot: '\\.(module|service|decorator|explorer)\\.ts$|\\.spec\\.ts$|/observing/own-logger\\.ts$',
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
