import type * as amqplib from 'amqplib';
import { loadClient } from '../../../../core/messaging/transport-kit/load-client.js';

export type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib';

type Amqplib = typeof amqplib;

/** Loads amqplib, an optional peer dependency. Throws as {@link loadClient}. */
export function loadAmqplib(
  load: () => Promise<unknown> = () => import('amqplib'),
): Promise<Pick<Amqplib, 'connect'>> {
  return loadClient<Pick<Amqplib, 'connect'>>({
    usedBy: 'RabbitMQ needs',
    name: 'amqplib',
    range: '^0.10.9 || ^2.0.0',
    install: 'amqplib@2',
    load,
    isSupported: ({ connect }: Partial<Amqplib>) => connect !== undefined,
  });
}
