import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import type { CaseContext } from './transport-suite.js';

/** A connected Kafka transport as the suite wants it, with these options (as JSON). */
export async function createTransport(given: string, context: Partial<CaseContext> = {}): Promise<Transport> {
  const options = kafkaOptionsSchema.parse({
    maxMessageBytes: 2 ** 20 + 1_000,
    ...(JSON.parse(given) as object),
  });
  const transport = new KafkaTransport(options, {
    name: 'kafka',
    clock: systemClock,
    onEvent: () => undefined,
    ...context,
  });
  await transport.connect();
  return transport;
}
