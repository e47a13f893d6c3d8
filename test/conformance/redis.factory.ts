import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import type { CaseContext } from './transport-suite.js';

/** A connected Redis transport as the suite wants it, on the servers that the options (as JSON) name. */
export async function createTransport(
  servers: string,
  context: Partial<CaseContext> = {},
): Promise<Transport> {
  const options = redisOptionsSchema.parse({
    leaseMs: 1_500,
    maxMessageBytes: 2 ** 20 + 1_000,
    ...(JSON.parse(servers) as object),
  });
  const transport = new RedisTransport(options, {
    name: 'redis',
    clock: systemClock,
    onEvent: () => undefined,
    ...context,
  });
  await transport.connect();
  return transport;
}
