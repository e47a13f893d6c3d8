import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as Kafkajs from 'kafkajs';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../../test/support/brokers/kafka-cluster.js';
import { OrderPlaced } from '../shop.js';

/** Of ours and of the bare client. */
const PARTITIONS = 4;
/** More than a broker of the tests has: ten thousand topics want room. */
const HEAP_MB = 2_048;
let running: Promise<KafkaCluster> | undefined;

/** The broker of the whole run, on which ours and the bare client take turns. */
function server(): Promise<KafkaCluster> {
  running ??= startKafka({ heapMb: HEAP_MB });
  return running;
}

export async function stopServer(): Promise<void> {
  await (await running)?.stop();
  running = undefined;
}

export const newPlace = (): string => `bench.${randomUUID().slice(0, 8)}.`;

export const topicAt = (namePrefix: string): string => `${namePrefix}${OrderPlaced.name}`;

export async function newTransport(namePrefix: string, partitions = PARTITIONS): Promise<KafkaTransport> {
  const { brokers } = await server();
  const options = kafkaOptionsSchema.parse({ brokers, namePrefix, partitions });
  const transport = new KafkaTransport(options, {
    name: 'kafka',
    clock: systemClock,
    onEvent: (event) => {
      if (event.type === 'error') console.error(event.error);
    },
  });
  await transport.connect();
  return transport;
}

const load = createRequire(import.meta.url);

/** A copy of the client that is not the one that the transport mends. */
const { Kafka, logLevel, Partitioners } = ((): typeof Kafkajs => {
  const isOfClient = (path: string): boolean => path.includes('/node_modules/kafkajs/');
  const mended = Object.entries(load.cache).filter(([path]) => isOfClient(path));
  const forget = (): void => {
    for (const path of Object.keys(load.cache))
      if (isOfClient(path)) Reflect.deleteProperty(load.cache, path);
  };
  forget();
  const copy = load('kafkajs') as typeof Kafkajs;
  forget();
  for (const [path, module] of mended) load.cache[path] = module;
  return copy;
})();

/** The client as it comes, with a topic of its own. */
export async function bare(): Promise<{ readonly kafka: Kafkajs.Kafka; readonly topic: string }> {
  const { brokers } = await server();
  const kafka = new Kafka({ clientId: 'bare', brokers, logLevel: logLevel.NOTHING });
  const topic = `bare-${randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  return { kafka, topic };
}

export const bareProducer = (kafka: Kafkajs.Kafka): ReturnType<Kafkajs.Kafka['producer']> =>
  kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
