import { Injectable } from '@nestjs/common';
import { CloudEvent, Kafka as KafkaBinding, type KafkaMessage as BoundMessage } from 'cloudevents';
import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { kafkaBench } from '../faults/kafka-bench.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

const Placed = defineMessage('orders.placed', z.object({ id: z.string() }), { key: (order) => order.id });

let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());
afterEach(() => closeApps(), 60_000);

/** As a service in another language sees what is in a topic: texts for headers. */
async function recordsOf(topic: string, count: number): Promise<BoundMessage[]> {
  const found: BoundMessage[] = [];
  const consumer = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).consumer({
    groupId: 'foreign',
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message: { key, value, headers = {} } }) => {
        const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
        found.push({
          key: String(key),
          value: JSON.parse(String(value)) as unknown,
          headers: Object.fromEntries(texts) as Record<string, string>,
          body: undefined,
        });
        return Promise.resolve();
      },
    });
    await waitUntil('the records are there', () => Promise.resolve(found.length >= count));
  } finally {
    await consumer.disconnect();
  }
  return found;
}

it('what is published is a CloudEvent for others, and its version is no header of the application', async () => {
  const seen: Readonly<Record<string, string>>[] = [];
  @Injectable()
  class Billing {
    @MessageHandler(Placed, { group: 'billing' })
    charge(_: unknown, context: { readonly headers: Readonly<Record<string, string>> }): void {
      seen.push(context.headers);
    }
  }
  const { transport } = kafkaBench({ brokers: server.brokers, namePrefix: 'events.' });
  const { messaging } = await bootApp({ providers: [Billing] }, { transports: [transport] });
  const { messageId } = await messaging.publish(
    Placed,
    { id: 'o-1' },
    { correlationId: 'c-1', expiresInMs: 3_600_000, headers: { tenant: 'a' } },
  );
  await waitUntil('it is handled', () => Promise.resolve(seen.length > 0));
  expect(Object.keys(seen[0] ?? {}).filter((name) => /specversion|ce_id/.test(name))).toEqual([]);
  expect(seen[0]).toMatchObject({ tenant: 'a' });

  const [record] = await recordsOf('events.orders.placed', 1);
  expect(record?.headers).toMatchObject({ ce_specversion: '1.0' }); // the parser takes a record without it for this version
  const event = KafkaBinding.toEvent(record!) as CloudEvent<unknown>;
  expect(event.validate()).toBe(true);
  expect(event.toJSON()).toMatchObject({
    specversion: '1.0',
    id: messageId,
    type: 'orders.placed',
    datacontenttype: 'application/json',
    correlationid: 'c-1',
    partitionkey: 'o-1',
    data: { id: 'o-1' },
  });
}, 120_000);
