import { randomUUID } from 'node:crypto';
import type { Transport, TransportContext } from '../../src/core/messaging/transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { createTransport } from './redis.factory.js';
import { describeTransport } from './transport/index.js';

const storages = new Map<Transport, string>();
let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

/** A part of the server that nobody has used. */
function storage(): string {
  return JSON.stringify({ url: server.url, keyPrefix: `${randomUUID().slice(0, 8)}:` });
}

async function open(place: string, context?: Pick<TransportContext, 'onEvent'>): Promise<Transport> {
  const transport = await createTransport(place, context);
  storages.set(transport, place);
  return transport;
}

describeTransport('Redis', {
  tooLargeBytes: 2 * 2 ** 20,
  create: (context) => open(storage(), context),
  reopen: async (transport) => {
    await transport.close();
    return open(storages.get(transport)!);
  },
  process: { module: 'test/conformance/redis.factory.ts', storage, open },
  outage: {
    keepsDeliveries: true,
    kill: () => server.kill(),
    restore: () => (server.process.isRunning ? Promise.resolve() : server.restart()),
  },
});
