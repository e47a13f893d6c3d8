import type { Options } from '../client/amqplib-client.js';
import type { ResourceNames } from './resource-names.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';

/** What a queue is declared with. */
export type QueueArguments = Readonly<Record<string, string | number | boolean>>;

export const declared = (args: QueueArguments): Options.AssertQueue => ({ durable: true, arguments: args });

/** Never let the broker count crashes to a limit of its own choice, after which version 4 drops what it holds. */
const NO_DELIVERY_LIMIT = 2 ** 31 - 1;

/**
 * Dead-lettered messages stay in a quorum queue until the next one has them; that takes an overflow that refuses.
 * https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
 */
const handedOn = (to: string): QueueArguments => ({
  'x-dead-letter-exchange': to,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/** The queue of a group, or one of several that together keep the order of keys. */
export function groupQueue(
  { queueType, deliveryLimit, keyPartitions }: RabbitmqOptions,
  names: ResourceNames,
  ordering: 'none' | 'key',
): QueueArguments {
  // Without meaning for the broker, but compared by it: a change of the number of queues must not go unnoticed.
  const layout = ordering === 'key' ? `given up, 1 of ${keyPartitions}` : 'given up';
  const single: QueueArguments = ordering === 'key' ? { 'x-single-active-consumer': true } : {};
  if (queueType === 'classic')
    return { ...single, 'x-dead-letter-exchange': names.due, 'x-dead-letter-routing-key': layout };
  return {
    'x-queue-type': 'quorum',
    'x-delivery-limit': deliveryLimit,
    ...handedOn(names.due),
    'x-dead-letter-routing-key': layout,
    ...single,
  };
}

export function waitQueue(names: ResourceNames, levelMs: number): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-message-ttl': levelMs, ...handedOn(names.due) };
}

/** Of what is due, of what nobody can route, and of what is only counted. */
export function plainQueue(): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-delivery-limit': NO_DELIVERY_LIMIT };
}

/** One group alone empties it, so that a topic's first group gets all of it. */
export function heldQueue({ orphanRetentionMs }: RabbitmqOptions): QueueArguments {
  return {
    'x-queue-type': 'quorum',
    'x-delivery-limit': NO_DELIVERY_LIMIT,
    'x-message-ttl': orphanRetentionMs,
    'x-single-active-consumer': true,
  };
}

export function pingQueue(): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-message-ttl': 60_000 };
}
