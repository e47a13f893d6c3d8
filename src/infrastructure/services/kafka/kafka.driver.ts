import { Injectable } from '@nestjs/common';
import type { Transport, TransportContext } from '../../../core/messaging/ports/transport.js';
import { loadKafkajs } from './client/kafkajs-client.js';
import type { KafkaOptions } from './kafka.options.js';

/** Makes transports of the kind `kafka`. Their code, and kafkajs, are loaded when one is made. */
@Injectable()
export class KafkaDriver {
  /** Throws `DEPENDENCY_MISSING` when kafkajs is missing, `DEPENDENCY_UNUSABLE` when it is another version. */
  async loadClient(): Promise<void> {
    await loadKafkajs();
  }

  async createTransport(options: KafkaOptions, context: TransportContext): Promise<Transport> {
    const { KafkaTransport } = await import('./kafka.transport.js');
    return new KafkaTransport(options, context);
  }
}
