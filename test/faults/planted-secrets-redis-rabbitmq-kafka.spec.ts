import { randomUUID } from 'node:crypto';
import { systemClock, type TransportContext } from '../../src/core/messaging/index.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeMessageSecrets } from '../support/message-secrets-suite.js';

let redis: RedisServer;
let rabbit: RabbitmqCluster;
let kafka: KafkaCluster;

beforeAll(async () => {
  [redis, rabbit, kafka] = await Promise.all([startRedis(), startRabbitmq(), startKafka()]);
}, 240_000);
afterAll(() => Promise.all([redis.stop(), rabbit.stop(), kafka.stop()]), 60_000);

const context: TransportContext = { name: 'main', clock: systemClock, onEvent: () => undefined };

describeMessageSecrets('Redis', async () => {
  const options = redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${randomUUID()}:` });
  return {
    transports: [new RedisTransport(options, context)],
    deadLetters: new RedisDeadLetterStore(options),
  };
});

describeMessageSecrets('RabbitMQ', async () => {
  const options = rabbitmqOptionsSchema.parse({ urls: rabbit.urls, queueType: 'classic' });
  return { transports: [new RabbitmqTransport(options, context)] };
});

describeMessageSecrets('Kafka', async () => {
  const options = kafkaOptionsSchema.parse({ brokers: kafka.brokers, replicationFactor: 1 });
  return { transports: [new KafkaTransport(options, context)] };
});
