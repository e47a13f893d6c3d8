import { connect } from 'amqplib';
import { z } from 'zod';
import { defineMessage } from '../../src/core/messaging/index.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';

const Placed = defineMessage('orders', z.object({ n: z.number() }));
let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(() => closeOperations());

it('foreign messages in the due queue are shown, and sent to a group when an operator asks for it', async () => {
  const options = rabbitmqOptionsSchema.parse({ urls: server.urls, namePrefix: 'kept.' });
  const transport = new RabbitmqTransport(options, {
    name: 'rabbit',
    clock: systemClock,
    onEvent: () => undefined,
  });
  const { url } = await bootOperations(
    { imports: [MetricsModule.forRoot({ defaultMetrics: false })] },
    { transports: [transport], messages: [Placed] },
  );
  const handled: string[] = [];
  await transport.consume(
    { topic: 'orders', group: 'g', concurrency: 1, ordering: 'none' },
    ({ message }) => {
      handled.push(message.id);
      return Promise.resolve({ kind: 'ack' });
    },
  );
  const connection = await connect(server.urls[0]!);
  const channel = await connection.createConfirmChannel();
  channel.publish('kept.~due', '', Buffer.from('{"n":1}'), { messageId: 'foreign' });
  await channel.waitForConfirms();
  await connection.close();

  const api = `${url}/messaging/api/v1/transports/rabbit`;
  const headers = { authorization: 'Bearer admin', 'content-type': 'application/json' };
  const kept = async (): Promise<unknown> =>
    ((await jsonOf(await fetch(api, { headers }))) as { kept: unknown }).kept;
  await waitUntil('it is kept', async () => JSON.stringify(await kept()).includes('unroutable'));
  expect(await kept()).toEqual([{ place: 'kept.~unroutable', messages: 1 }]);

  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('messaging_kept_messages{transport="rabbit",place="kept.~unroutable"} 1');

  const act = (body: object): Promise<Response> =>
    fetch(`${api}/actions`, { method: 'POST', headers, body: JSON.stringify(body) });
  const release = { action: 'release', place: 'kept.~unroutable', reason: 'wrong exchange' };
  expect((await act(release)).status).toBe(422); // to which group?
  expect((await act({ ...release, topic: 'orders', group: 'unknown' })).status).toBe(409);
  expect((await act({ ...release, place: 'elsewhere', topic: 'orders', group: 'g' })).status).toBe(404);
  const answer = await act({ ...release, topic: 'orders', group: 'g' });
  expect([answer.status, await jsonOf(answer)]).toEqual([200, { released: 1 }]);
  await waitUntil('it is handled', async () => handled.includes('foreign'));
  expect(await kept()).toEqual([]);
}, 60_000);
