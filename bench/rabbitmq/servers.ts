import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../../test/support/brokers/rabbitmq-cluster.js';
import { OrderPlaced } from '../shop.js';

export type QueueType = 'quorum' | 'classic';

/** A part of the broker of its own. */
export interface Place {
  readonly queueType: QueueType;
  readonly namePrefix: string;
}

/** Enough for ten thousand topics, which are as many quorum queues. */
const MEMORY = '4GB';
let running: Promise<RabbitmqCluster> | undefined;

/** The node of the whole run, on which ours and the bare client take turns. */
function server(): Promise<RabbitmqCluster> {
  running ??= startRabbitmq({ config: [`vm_memory_high_watermark.absolute = ${MEMORY}`] });
  return running;
}

export async function stopServer(): Promise<void> {
  await (await running)?.stop();
  running = undefined;
}

export const newPlace = (queueType: QueueType): Place => ({
  queueType,
  namePrefix: `bench.${randomUUID().slice(0, 8)}.`,
});

/** A transport, whose topic has a group that keeps everything. */
export async function newTransport(place: Place): Promise<RabbitmqTransport> {
  const { urls } = await server();
  const transport = new RabbitmqTransport(rabbitmqOptionsSchema.parse({ urls, ...place }), {
    name: 'rabbitmq',
    clock: systemClock,
    onEvent: (event) => {
      if (event.type === 'error') console.error(event.error);
    },
  });
  await transport.connect();
  const group = { topic: OrderPlaced.name, group: 'bench', concurrency: 1, ordering: 'none' } as const;
  await transport.backlog(group);
  if (!(await hasGroup(place)))
    await (await transport.consume(group, () => new Promise(() => undefined))).stop();
  return transport;
}

/** The client as one would tune it: without Nagle's algorithm, which it leaves on by itself. */
export async function bareConnection(): Promise<ChannelModel> {
  return connect((await server()).urls[0]!, { noDelay: true });
}

/** An empty durable queue for the bare client. */
export async function bareQueue(channel: Channel, queueType: QueueType): Promise<string> {
  const name = `bare-${randomUUID()}`;
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': queueType } });
  return name;
}

/** Gives the memory and the disk back, so that no measurement pays for those before it. */
export async function clear({ namePrefix }: Place): Promise<void> {
  await onChannel((channel) => channel.deleteQueue(groupQueue(namePrefix)));
}

async function hasGroup({ namePrefix }: Place): Promise<boolean> {
  return onChannel((channel) => channel.checkQueue(groupQueue(namePrefix))).then(
    () => true,
    () => false,
  );
}

async function onChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await bareConnection();
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    return await use(channel);
  } finally {
    await connection.close();
  }
}

const groupQueue = (namePrefix: string): string => `${namePrefix}${OrderPlaced.name}/bench`;

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
