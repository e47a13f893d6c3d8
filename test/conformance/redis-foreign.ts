import { Redis } from 'ioredis';
import type { ConformanceOptions, Foreign } from './transport-suite.js';

/** A program that writes entries with its own client. An id is the first field of an entry; without a value it has none. */
export function redisForeign(
  url: () => string,
  keyPrefixOf: (transport: Parameters<Foreign['publish']>[0]) => string,
): Pick<ConformanceOptions, 'foreign' | 'unreadable'> {
  const add = async (stream: string, ...fields: readonly (string | Uint8Array)[]): Promise<void> => {
    const client = new Redis(url(), { lazyConnect: true });
    try {
      await client.connect();
      await client.xadd(stream, '*', ...fields.map((field) => Buffer.from(field)));
    } finally {
      client.disconnect();
    }
  };
  return {
    foreign: {
      publish: (transport, topic, { headers, body }) =>
        add(
          `${keyPrefixOf(transport)}{${topic}}:log`,
          ...['id', '', 'headers', JSON.stringify(headers), 'body', body],
        ),
    },
    unreadable: (transport, { topic, group }, body) =>
      add(
        `${keyPrefixOf(transport)}{${topic}}:group:${group}:log`,
        ...['id', 'x', 'headers', '{', 'body', body],
      ),
  };
}
