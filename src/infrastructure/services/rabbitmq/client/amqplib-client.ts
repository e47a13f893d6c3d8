import type * as amqplib from 'amqplib';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';

export type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib';

type Amqplib = typeof amqplib;

/** Loads amqplib, an optional peer dependency. Throws `DEPENDENCY_MISSING` when it is not installed. */
export async function loadAmqplib(
  load: () => Promise<unknown> = () => import('amqplib'),
): Promise<Pick<Amqplib, 'connect'>> {
  try {
    const loaded = (await load()) as { readonly default?: Amqplib } & Amqplib;
    return loaded.default ?? loaded;
  } catch {
    throw new MessagingError(
      'DEPENDENCY_MISSING',
      'RabbitMQ needs the package "amqplib", which cannot be loaded. Install it: npm install amqplib@2',
    );
  }
}
