import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { pageBlocks, StarterApplication } from '../support/getting-started.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
let servers: readonly [RedisServer, RabbitmqCluster, KafkaCluster];
let application: StarterApplication;

beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRabbitmq(), startKafka()]);
  application = new StarterApplication(directory.path);
  const blocks = pageBlocks();
  for (const { file, code } of blocks.slice(
    0,
    blocks.findIndex(({ heading }) => heading === 'Redis'),
  ))
    application.write(file, code);
}, 180_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  directory.remove();
});

it.each(['Redis', 'RabbitMQ', 'Kafka', 'Failover with a spool'])(
  'the page on getting started runs with the block under: %s',
  async (heading) => {
    const [redis, rabbitmq, kafka] = servers;
    const [block] = pageBlocks().filter((each) => each.heading === heading);
    const code = block?.code
      .replace('redis://127.0.0.1:6379', redis.url)
      .replace('amqp://127.0.0.1:5672', rabbitmq.urls[0] ?? '')
      .replace('127.0.0.1:9092', kafka.brokers[0] ?? '');
    application.write(block?.file ?? '', code ?? '');
    application.build();
    await application.placeOrder();
  },
  180_000,
);
