import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { systemClock } from '../../src/core/messaging/clock.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../../test/support/brokers/kafka-cluster.js';
import { OrderPlaced } from '../shop.js';

/** Of ours and of the bare client. */
const PARTITIONS = 4;
let running: Promise<KafkaCluster> | undefined;

/** The broker of the whole run, on which ours and the bare client take turns. */
function server(): Promise<KafkaCluster> {
  running ??= startKafka();
  return running;
}

export async function stopServer(): Promise<void> {
  await (await running)?.stop();
  running = undefined;
}

export const newPlace = (): string => `bench.${randomUUID().slice(0, 8)}.`;

export const topicAt = (namePrefix: string): string => `${namePrefix}${OrderPlaced.name}`;

export async function newTransport(namePrefix: string): Promise<KafkaTransport> {
  const { brokers } = await server();
  const options = kafkaOptionsSchema.parse({ brokers, namePrefix, partitions: PARTITIONS });
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

/** The client as it comes, with a topic of its own. */
export async function bare(): Promise<{ readonly kafka: Kafka; readonly topic: string }> {
  const { brokers } = await server();
  const kafka = new Kafka({ clientId: 'bare', brokers, logLevel: logLevel.NOTHING });
  const topic = `bare-${randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  return { kafka, topic };
}

export const bareProducer = (kafka: Kafka): ReturnType<Kafka['producer']> =>
  kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
