import { Kafka, logLevel, type Message } from 'kafkajs';
import { OWN_HEADERS } from '../../src/core/messaging/ports/headers.js';
import type { ConformanceOptions, Foreign } from './transport-suite.js';

/** A program that writes records with its own client. */
export function kafkaForeign(
  brokers: () => readonly string[],
  namePrefixOf: (transport: Parameters<Foreign['publish']>[0]) => string,
): Pick<ConformanceOptions, 'foreign' | 'unreadable'> {
  const send = async (topic: string, message: Message): Promise<void> => {
    const kafka = new Kafka({ brokers: [...brokers()], logLevel: logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    try {
      await producer.send({ topic, messages: [message] });
    } finally {
      await producer.disconnect();
    }
  };
  return {
    foreign: {
      publish: (transport, topic, { headers, body }) =>
        send(`${namePrefixOf(transport)}${topic}`, { value: Buffer.from(body), headers: { ...headers } }),
    },
    unreadable: (transport, { topic, group }, body) =>
      send(`${namePrefixOf(transport)}.wait.short`, {
        value: Buffer.from(body),
        headers: {
          [OWN_HEADERS.topic.name]: topic,
          [OWN_HEADERS.group.name]: group,
          [OWN_HEADERS.dueAt.name]: 'soon',
        },
      }),
  };
}
