import { randomUUID } from 'node:crypto';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function rabbitmqBench(options: object): Bench<RabbitmqTransport> {
  const settings = rabbitmqOptionsSchema.parse({ namePrefix: `${randomUUID().slice(0, 8)}.`, ...options });
  return bench((context) => new RabbitmqTransport(settings, context), 'rabbitmq');
}

export async function connected(options: object): Promise<Bench<RabbitmqTransport>> {
  const made = rabbitmqBench(options);
  await made.transport.connect();
  return made;
}
