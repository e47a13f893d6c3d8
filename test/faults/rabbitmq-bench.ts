import { randomUUID } from 'node:crypto';
import { type ConfirmChannel, connect } from 'amqplib';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import type { FaultProxy } from '../support/brokers/fault-proxy.js';
import type { RabbitmqCluster } from '../support/brokers/rabbitmq-cluster.js';
import { type Bench, bench } from './transport-bench.js';

/** Not connected yet. */
export function rabbitmqBench(options: object, clock?: Clock): Bench<RabbitmqTransport> {
  const settings = rabbitmqOptionsSchema.parse({ namePrefix: `${randomUUID().slice(0, 8)}.`, ...options });
  return bench((context) => new RabbitmqTransport(settings, context), 'rabbitmq', clock);
}

export async function connected(options: object, clock?: Clock): Promise<Bench<RabbitmqTransport>> {
  const made = rabbitmqBench(options, clock);
  await made.transport.connect();
  return made;
}

/** Its first node over a line that a test can break. */
export function throughProxy(
  { urls }: Pick<RabbitmqCluster, 'urls'>,
  { port }: Pick<FaultProxy, 'port'>,
): string {
  const url = new URL(urls[0]!);
  url.port = String(port);
  return url.href;
}

/** Does something to a broker as somebody else. */
export async function asSomebodyElse<T>(
  { urls }: Pick<RabbitmqCluster, 'urls'>,
  act: (channel: ConfirmChannel) => Promise<T>,
): Promise<T> {
  const connection = await connect(urls[0]!);
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  try {
    return await act(channel);
  } finally {
    await connection.close();
  }
}

/** Publishes as somebody else, with properties of its own. */
export function publishedRaw(
  server: Pick<RabbitmqCluster, 'urls'>,
  { exchange = '', routingKey = '' }: { readonly exchange?: string; readonly routingKey?: string },
  content: Buffer,
  properties: object = {},
): Promise<void> {
  return asSomebodyElse(server, async (channel) => {
    channel.publish(exchange, routingKey, content, properties);
    await channel.waitForConfirms();
  });
}
