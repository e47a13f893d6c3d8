import type { TransportContext } from '../../../core/messaging/transport.js';
import type { QueueDepths } from './depths.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import type { RabbitmqOptions } from './rabbitmq.options.js';
import type { RabbitmqPublisher } from './rabbitmq-publisher.js';
import type { Topology } from './topology.js';
import type { WaitQueues } from './wait-queues.js';

/** What consumers of one transport share. */
export interface TransportServices {
  readonly connection: RabbitmqConnection;
  readonly topology: Topology;
  readonly depths: QueueDepths;
  readonly publisher: RabbitmqPublisher;
  readonly waitQueues: WaitQueues;
  readonly options: RabbitmqOptions;
  readonly context: TransportContext;
}
