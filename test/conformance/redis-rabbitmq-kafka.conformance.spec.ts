import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { createTransport as createEmbedded } from './embedded.factory.js';
import { type CaseContext, describeTransport } from './transport-suite.js';

const MAX_BYTES = { maxMessageBytes: 2 ** 20 + 1_000 };
const PROBES = { probeIntervalMs: 500, maxProbeIntervalMs: 1_000 };
const data = temporaryDirectory();
const kafkaPrefix = `${randomUUID().slice(0, 8)}.`;
let made = 0;
let redis: RedisServer;
let rabbit: RabbitmqCluster;
let kafka: KafkaCluster;

beforeAll(async () => {
  [redis, rabbit, kafka] = await Promise.all([startRedis(), startRabbitmq(), startKafka()]);
}, 180_000);
afterAll(async () => {
  await Promise.all([redis.stop(), rabbit.stop(), kafka.stop()]);
  data.remove();
}, 60_000);

/** A spool before a failover from two that share the load to a third. */
async function create({ onEvent, clock = systemClock }: CaseContext): Promise<Transport> {
  const prefix = randomUUID().slice(0, 8);
  const inside = (name: string): TransportContext => ({
    name,
    clock,
    onEvent: (event) => {
      if (event.type === 'settlement-dropped') onEvent(event); // its other events are its own
    },
  });
  const fast = new RedisTransport(
    redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${prefix}:`, ...MAX_BYTES }),
    inside('fast'),
  );
  const work = new RabbitmqTransport(
    rabbitmqOptionsSchema.parse({ urls: rabbit.urls, namePrefix: `${prefix}.`, ...MAX_BYTES }),
    inside('work'),
  );
  const events = new KafkaTransport(
    kafkaOptionsSchema.parse({
      brokers: kafka.brokers,
      namePrefix: kafkaPrefix,
      partitions: 2,
      sessionTimeoutMs: 3_000,
      ...MAX_BYTES,
    }),
    inside('events'),
  );
  const both = new BalancedTransport([fast, work], balancedOptionsSchema.parse(PROBES), inside('both'));
  const brokers = new FailoverTransport(
    [both, events],
    failoverOptionsSchema.parse(PROBES),
    inside('brokers'),
  );
  const transports = {
    transport: brokers,
    spool: await createEmbedded(join(data.path, String(++made)), { clock }),
  };
  const options = spooledOptionsSchema.parse(PROBES);
  const main = new SpooledTransport(transports, options, { name: 'main', clock, onEvent });
  await main.connect();
  return main;
}

describeTransport('A spool before failover and balancing over three brokers', {
  tooLargeBytes: 2 * 2 ** 20,
  create,
});
