const transports = '^src/infrastructure/services/(memory|embedded|redis|rabbitmq|kafka|composites)/';

/** The layer rules of the project; test/architecture/layers.spec.ts seeds each with a violation. */
module.exports = {
  forbidden: [
    {
      name: 'core-knows-no-infrastructure',
      comment: 'Policy lives in the core and must run over any transport.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/(infrastructure/|modules/|config/|demonstration/|app\\.|main\\.|index\\.|exports/)' },
    },
    {
      name: 'core-knows-no-client',
      comment: 'Clients of brokers, storage and metrics belong to infrastructure.',
      severity: 'error',
      from: { path: '^src/core/' },
      // A client that is not installed has no path in node_modules, only its name.
      to: { path: '(^|node_modules/)(ioredis|amqplib|kafkajs|lmdb|prom-client|@willsoto|yaml)(/|$)' },
    },
    {
      name: 'infrastructure-knows-no-application',
      comment: 'Whoever installs the package has none of these files.',
      severity: 'error',
      from: { path: '^src/infrastructure/' },
      to: { path: '^src/(modules/|config/|demonstration/|app\\.|main\\.|index\\.|exports/)' },
    },
    {
      name: 'package-exports-no-application',
      comment: 'The demonstration and its configuration are not part of the package.',
      severity: 'error',
      from: { path: '^src/(index\\.ts$|exports/)' },
      to: { path: '^src/(modules/|config/|demonstration/|app\\.|main\\.)' },
    },
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
      name: 'modules-use-the-public-core',
      comment: 'The demonstration uses what an application would: the index of the core.',
      severity: 'error',
      from: { path: '^src/modules/' },
      to: { path: '^src/(core/messaging/(?!index\\.ts)|infrastructure/)' },
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
