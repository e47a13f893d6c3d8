import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../../test/support/brokers/redis-server.js';

let running: Promise<RedisServer> | undefined;

/** The server of the whole run, on which ours and the bare client take turns. */
function server(): Promise<RedisServer> {
  running ??= startRedis();
  return running;
}

export async function serverUrl(): Promise<string> {
  return (await server()).url;
}

export async function stopServer(): Promise<void> {
  await (await running)?.stop();
  running = undefined;
}

/** A transport with a part of the server of its own. */
export async function newTransport(keyPrefix = `${randomUUID()}:`): Promise<RedisTransport> {
  const { url } = await server();
  return new RedisTransport(redisOptionsSchema.parse({ url, keyPrefix }), {
    name: 'redis',
    clock: systemClock,
    onEvent: (event) => {
      if (event.type === 'error') console.error(event.error);
    },
  });
}

/** The client as one would use it alone: as it comes, which is faster here than its automatic pipelines. */
export async function bareClient(): Promise<Redis> {
  const { host, port } = await server();
  const client = new Redis({ host, port, protocol: 2 });
  await client.ping();
  return client;
}

/** Gives the memory back, so that no measurement pays for those before it. */
export async function emptyServer(): Promise<void> {
  await (await server()).command('FLUSHALL');
}

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
