import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import type { CaseContext } from './transport-suite.js';

/** A connected RabbitMQ transport as the suite wants it, with these options (as JSON). */
export async function createTransport(given: string, context: Partial<CaseContext> = {}): Promise<Transport> {
  const options = rabbitmqOptionsSchema.parse({
    maxMessageBytes: 2 ** 20 + 1_000,
    ...(JSON.parse(given) as object),
  });
  const transport = new RabbitmqTransport(options, {
    name: 'rabbitmq',
    clock: systemClock,
    onEvent: () => undefined,
    ...context,
  });
  await transport.connect();
  return transport;
}
