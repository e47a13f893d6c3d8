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
