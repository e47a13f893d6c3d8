import type { Options } from '../client/amqplib-client.js';
import type { ResourceNames } from './resource-names.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';

/** Arguments of a queue declaration. */
export type QueueArguments = Readonly<Record<string, string | number | boolean>>;

export const declared = (args: QueueArguments): Options.AssertQueue => ({ durable: true, arguments: args });

/** Explicit, because RabbitMQ 4 has a default of 20, after which it drops messages. */
const NO_DELIVERY_LIMIT = 2 ** 31 - 1;

/**
 * Dead-lettered messages stay in a quorum queue until the next queue has confirmed them; that requires `reject-publish`.
 * https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
 */
const deadLettering = (to: string): QueueArguments => ({
  'x-dead-letter-exchange': to,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/** The queue of a group, or one of the several of a group with order by key. */
export function groupQueue(
  { queueType, deliveryLimit, keyPartitions }: RabbitmqOptions,
  names: ResourceNames,
  ordering: 'none' | 'key',
): QueueArguments {
  // The broker compares this key on declaration, so that a changed number of queues is refused.
  const layout = ordering === 'key' ? `given up, 1 of ${keyPartitions}` : 'given up';
  const single: QueueArguments = ordering === 'key' ? { 'x-single-active-consumer': true } : {};
  if (queueType === 'classic')
    return { ...single, 'x-dead-letter-exchange': names.due, 'x-dead-letter-routing-key': layout };
  return {
    'x-queue-type': 'quorum',
    'x-delivery-limit': deliveryLimit,
    ...deadLettering(names.due),
    'x-dead-letter-routing-key': layout,
    ...single,
  };
}

export function waitQueue(names: ResourceNames, levelMs: number): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-message-ttl': levelMs, ...deadLettering(names.due) };
}

/** For due messages and the members queue. */
export function plainQueue(): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-delivery-limit': NO_DELIVERY_LIMIT };
}

/** Keeps its messages: those that a policy removes come back through the due queue. */
export function keepingQueue(names: ResourceNames): QueueArguments {
  return { ...plainQueue(), ...deadLettering(names.due) };
}

/** With a single active consumer, so that one process drains it at a time. */
export function heldQueue({ orphanRetentionMs }: RabbitmqOptions, names: ResourceNames): QueueArguments {
  return {
    ...keepingQueue(names),
    'x-message-ttl': orphanRetentionMs,
    'x-single-active-consumer': true,
  };
}

/** As it was declared before removed messages came back through the due queue. */
export function earlierHeldQueue({ orphanRetentionMs }: RabbitmqOptions): QueueArguments {
  return { ...plainQueue(), 'x-message-ttl': orphanRetentionMs, 'x-single-active-consumer': true };
}

export function pingQueue(): QueueArguments {
  return { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-message-ttl': 60_000 };
}
