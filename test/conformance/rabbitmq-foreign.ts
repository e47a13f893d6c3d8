import { connect } from 'amqplib';
import type { ConformanceOptions, Foreign } from './transport-suite.js';

/** A program that publishes to the exchange of a topic with its own client. */
export function rabbitmqForeign(
  urls: () => readonly string[],
  namePrefixOf: (transport: Parameters<Foreign['publish']>[0]) => string,
): Pick<ConformanceOptions, 'foreign'> {
  return {
    foreign: {
      publish: async (transport, topic, { headers, body }) => {
        const connection = await connect(urls()[0] ?? '');
        try {
          const channel = await connection.createConfirmChannel();
          channel.publish(`${namePrefixOf(transport)}${topic}`, '', Buffer.from(body), { headers });
          await channel.waitForConfirms();
        } finally {
          await connection.close();
        }
      },
    },
  };
}
