import { Socket } from 'node:net';
import { loadKafkajs } from './kafkajs-client.js';
import { mendKafkajs } from './kafkajs-patches.js';

it('says how to install the client where it is missing', async () => {
  const missing = loadKafkajs(() => Promise.reject(new Error('Cannot find module')));
  await expect(missing).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringContaining('npm install kafkajs@2') as string,
  });
});

it('lets the fetchers of a stopped consumer end, which would spin for ever otherwise', async () => {
  await loadKafkajs();
  await mendKafkajs();
  const { default: Runner } = (await import('kafkajs/src/consumer/runner.js')) as {
    default: { prototype: { fetch: (nodeId: string) => Promise<unknown> } };
  };
  const stopped = { running: false, consumerGroup: {}, logger: { debug: () => undefined } };
  await expect(Runner.prototype.fetch.call(stopped, '1')).rejects.toThrow('The consumer was stopped.');
});

it('adds no listeners to the dead socket of a connection that is closed again and again', async () => {
  await loadKafkajs();
  await mendKafkajs();
  const { default: Connection } = (await import('kafkajs/src/network/connection.js')) as {
    default: { prototype: { disconnect: () => Promise<unknown> } };
  };
  const socket = new Socket();
  socket.destroy();
  const requestQueue = { waitForPendingRequests: () => Promise.resolve(), destroy: () => undefined };
  for (let times = 0; times < 20; times += 1)
    await Connection.prototype.disconnect.call({ socket, requestQueue, logDebug: () => undefined });
  expect(socket.listenerCount('connect')).toBe(0);
});
