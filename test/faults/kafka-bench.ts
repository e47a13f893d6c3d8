import { randomUUID } from 'node:crypto';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function kafkaBench(options: object): Bench<KafkaTransport> {
  const settings = kafkaOptionsSchema.parse({
    namePrefix: `${randomUUID().slice(0, 8)}.`,
    partitions: 3,
    sessionTimeoutMs: 6_000,
    ...options,
  });
  return bench((context) => new KafkaTransport(settings, context), 'kafka');
}

export async function connected(options: object): Promise<Bench<KafkaTransport>> {
  const made = kafkaBench(options);
  await made.transport.connect();
  return made;
}
