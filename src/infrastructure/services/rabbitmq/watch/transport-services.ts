import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { Destination, TransportContext } from '../../../../core/messaging/ports/transport.js';
import type { QueueDepths } from '../topology/queue-depths.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';
import type { RabbitmqPublisher } from '../publish/rabbitmq-publisher.js';
import type { ReturnedUnseen } from './returned-unseen.js';
import type { Topology } from '../topology/topology.js';
import type { NewerMessages } from './newer-messages.js';
import type { WaitQueues } from '../topology/wait-queues.js';

/** Objects that the consumers of one transport share. */
export interface TransportServices {
  readonly connection: RabbitmqConnection;
  readonly topology: Topology;
  readonly queueDepths: QueueDepths;
  readonly publisher: RabbitmqPublisher;
  readonly waitQueues: WaitQueues;
  readonly problems: ProblemList;
  /** By held queue: the destination of its messages. */
  readonly heldPlaces: Map<string, Destination>;
  /** Of the queues of consumers that were stopped in order. */
  readonly returnedUnseen: ReturnedUnseen;
  /** Hands over what this version does not know. */
  readonly newer: NewerMessages;
  /** Reports what belongs to no group. */
  readonly formats: NewerFormats;
  readonly options: RabbitmqOptions;
  readonly context: TransportContext;
}
