const CORE = 'src/core/messaging';
const SERVICES = 'src/infrastructure/services';

/**
 * The inside of each folder, from the top down: what stands in a line may import the lines below it and its own. A name is a
 * sub-folder; with a dot in it, files at the root that all lines above may use. All other files at the root stand on top.
 */
module.exports = {
  [CORE]: [
    'runtime',
    'publishing',
    'delivery',
    'handlers',
    'dead-letters',
    '(messaging.(options|view|tokens)|retry-policy).ts',
    'message',
    'observing',
    'routing',
    'transport-kit',
    'ports',
  ],
  [SERVICES]: [
    'metrics',
    'health',
    'checks',
    'admin',
    '(composites|redis|rabbitmq|kafka|embedded|memory)',
    '(tls|addresses|production)',
  ],
  [`${SERVICES}/admin`]: [
    '(dead-letters|groups|transports)',
    'access',
    'http',
    'admin(.options|-authorizer).ts',
  ],
  [`${SERVICES}/composites`]: ['balanced', 'failover', 'spooled', 'members'],
  [`${SERVICES}/embedded`]: [
    'engine',
    'groups',
    'stores',
    'journal',
    'log',
    'database',
    'lmdb-file',
    'embedded.options.ts',
  ],
  [`${SERVICES}/health`]: ['assessment', 'health.options.ts'],
  [`${SERVICES}/kafka`]: [
    'delay',
    'consume',
    'publish',
    'topology',
    'connection',
    'kafkajs',
    'wire',
    'client',
    'kafka.options.ts',
  ],
  [`${SERVICES}/memory`]: ['groups', 'stores', 'memory.options.ts'],
  [`${SERVICES}/metrics`]: ['observed', 'scraped', 'series'],
  [`${SERVICES}/rabbitmq`]: [
    'delay',
    'consume',
    'watch',
    'publish',
    'topology',
    'connection',
    'wire',
    'client',
    'rabbitmq.options.ts',
  ],
  [`${SERVICES}/redis`]: [
    'delay',
    'consume',
    'publish',
    'stores',
    'topology',
    'connection',
    'scripts',
    'wire',
    'client',
    'redis.options.ts',
  ],
};
