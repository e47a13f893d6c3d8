import type { KafkaConsumer } from '../consume/kafka-consumer.js';
import type {
  Destination,
  TransportContext,
  Unacceptable,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';

type Consumer = Pick<KafkaConsumer, 'subscription' | 'park'>;

/** A message of a wait topic that cannot be forwarded. */
export interface Unforwardable {
  readonly message: WireMessage;
  readonly attempt: number;
  /** As far as it is known. */
  readonly to: Partial<Destination>;
  readonly unacceptable: Unacceptable;
}

/**
 * Makes dead letters of waiting messages that cannot be forwarded. Wait topics belong to all groups, so a consumer of this process
 * that the message was meant for does it, else the application, else any consumer here: a dead letter has to have a group.
 */
export class ParkedDelays {
  constructor(
    private readonly context: Pick<TransportContext, 'name' | 'keepRefused'>,
    private readonly consumers: Iterable<Consumer>,
  ) {}

  /**
   * Resolves with nothing once the dead letter is stored, and with how long to wait, in ms, when a consumer has to try again.
   * Rejects when it cannot be stored now.
   */
  async keep({ message, attempt, to, unacceptable }: Unforwardable): Promise<number | undefined> {
    const all = [...this.consumers];
    const meant = all.find(
      ({ subscription: { topic, group } }) =>
        topic === to.topic && (to.group === undefined || to.group === group),
    );
    if (meant) return meant.park(message, attempt, unacceptable);
    const { name: transport, keepRefused } = this.context;
    if (to.topic !== undefined && keepRefused) {
      const { topic, group } = to;
      const error = new MessagingError('PAYLOAD_UNDECODABLE', unacceptable.detail);
      const destination = group === undefined ? { topic } : { topic, group };
      const { reason } = unacceptable;
      await keepRefused({ to: destination, message, error, transport, reason, attempts: attempt - 1 });
      return undefined;
    }
    const [any] = all;
    return any ? any.park(message, attempt, unacceptable) : 0;
  }
}
