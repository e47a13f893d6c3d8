import type { Channel, ConfirmChannel } from '../client/amqplib-client.js';
import { withReplyTimeout } from '../connection/channel-calls.js';
import { entryOf, type GroupChangeSender, type KnownGroup } from './group-registry.js';
import type { ResourceNames } from './resource-names.js';

/** Sends each changed group of a topic to every process, in an exchange that all of them share. */
export class GroupChanges implements GroupChangeSender {
  constructor(private readonly names: ResourceNames) {}

  async send(channel: ConfirmChannel, topic: string, changed: KnownGroup): Promise<void> {
    await declareChanges(channel, this.names);
    const body = Buffer.from(JSON.stringify({ topic, ...(entryOf(changed) as object) }));
    channel.publish(this.names.groupChanges, '', body, { contentType: 'application/json' });
    await withReplyTimeout(channel.waitForConfirms());
  }
}

export async function declareChanges(channel: Channel, names: ResourceNames): Promise<void> {
  await withReplyTimeout(channel.assertExchange(names.groupChanges, 'fanout', { durable: true }));
}
