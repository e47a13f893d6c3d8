import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function kafkaBench(options: object, clock?: Clock): Bench<KafkaTransport> {
  const settings = kafkaOptionsSchema.parse({
    namePrefix: `${randomUUID().slice(0, 8)}.`,
    partitions: 3,
    sessionTimeoutMs: 6_000,
    ...options,
  });
  return bench((context) => new KafkaTransport(settings, context), 'kafka', clock);
}

export async function connected(options: object, clock?: Clock): Promise<Bench<KafkaTransport>> {
  const made = kafkaBench(options, clock);
  await made.transport.connect();
  return made;
}
