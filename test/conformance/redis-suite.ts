import { randomUUID } from 'node:crypto';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { RedisConnection } from '../../src/infrastructure/services/redis/connection/redis-connection.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { createTransport } from './redis.factory.js';
import { redisForeign } from './redis-foreign.js';
import { type CaseContext, type ConformanceOptions, processOf } from './transport-suite.js';

/** The servers of a suite, as long as it runs. */
export interface SuiteServers {
  /** Options of a transport that uses them. */
  readonly options: () => object;
  readonly kill: () => Promise<unknown>;
  /** Without effect when they run. */
  readonly restore: () => Promise<unknown>;
  /** Of a server that another program can write to, where there is one. */
  readonly url?: () => string;
}

/** What every Redis brings to the suite: each case has a prefix of its own, and nothing else is shared. */
export function redisConformance({ options, kill, restore, url }: SuiteServers): ConformanceOptions {
  const storages = new Map<Transport, string>();
  const storage = (): string =>
    JSON.stringify({ ...options(), keyPrefix: `switchyard:${randomUUID().slice(0, 8)}:` });
  const open = async (place: string, context?: CaseContext): Promise<Transport> => {
    const transport = await createTransport(place, context);
    storages.set(transport, place);
    return transport;
  };
  const keyPrefixOf = (transport: Transport): string =>
    (JSON.parse(storages.get(transport)!) as { keyPrefix: string }).keyPrefix;
  /** As a program that does not use this transport. */
  const add = async (
    transport: Transport,
    keyOf: (keyPrefix: string) => string,
    fields: readonly (string | Buffer)[],
  ): Promise<void> => {
    const settings = redisOptionsSchema.parse(JSON.parse(storages.get(transport)!));
    const connection = new RedisConnection('foreign', settings);
    await connection.connect();
    try {
      await connection.call('xadd', keyOf(settings.keyPrefix), '*', ...fields);
    } finally {
      await connection.close();
    }
  };
  return {
    foreign: {
      publish: (transport, topic, { headers, body }) =>
        add(transport, (keyPrefix) => new TopicKeys(keyPrefix, topic).log, [
          ...['id', '', 'headers', JSON.stringify(headers), 'body'],
          Buffer.from(body),
        ]),
    },
    unreadable: (transport, { topic, group }, body) =>
      add(transport, (keyPrefix) => new TopicKeys(keyPrefix, topic).group(group).log, [
        ...['id', 'a', 'headers', 'not JSON', 'body'],
        Buffer.from(body),
      ]),
    keepsGroups: true,
    replies: true,
    tooLargeBytes: 2 * 2 ** 20,
    ...(url && redisForeign(url, keyPrefixOf)),
    create: (context) => open(storage(), context),
    beside: (transport, context) => open(storages.get(transport)!, context),
    reopen: async (transport) => {
      await transport.close();
      return open(storages.get(transport)!);
    },
    process: { command: processOf('test/conformance/redis.factory.ts'), storage, open },
    outage: {
      keepsDeliveries: 'always',
      kill: async () => {
        await kill();
      },
      restore: async () => {
        await restore();
      },
    },
  };
}
