import { Injectable } from '@nestjs/common';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadAmqplib } from './client/amqplib-client.js';
import type { RabbitmqOptions } from './rabbitmq.options.js';

/** Makes transports of the kind `rabbitmq`. Their code, and amqplib, are loaded when one is made. */
@Injectable()
export class RabbitmqDriver {
  /** Throws `DEPENDENCY_MISSING` when amqplib is missing, `DEPENDENCY_UNUSABLE` when it is another version. */
  async loadClient(): Promise<void> {
    await loadAmqplib();
  }

  async createTransport(options: RabbitmqOptions, context: TransportContext): Promise<Transport> {
    const { RabbitmqTransport } = await import('./rabbitmq.transport.js');
    return new RabbitmqTransport(options, context);
  }
}
