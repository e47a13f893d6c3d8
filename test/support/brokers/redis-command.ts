import { Redis } from 'ioredis';

/** How to reach one server; also what a client of ioredis needs. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly ca: string };
}

const TIMEOUT_MS = 5_000;

/** One command over a connection of its own. Rejects after 5 s without a connection or an answer. */
export async function redisCommand(
  address: RedisAddress,
  name: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const client = new Redis({
    ...address,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // A timer that the client leaves running when the connection was refused; a test would wait for it.
    disconnectTimeout: 50,
  });
  client.on('error', () => undefined); // the call rejects with it, too
  try {
    await client.connect();
    return await client.call(name, [...args]);
  } finally {
    client.disconnect();
  }
}
