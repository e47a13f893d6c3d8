import { patchStoppedFetch } from './patch-stopped-fetch.js';

it('lets the fetchers of a stopped consumer end, which would spin for ever otherwise', async () => {
  await patchStoppedFetch();
  const { default: Runner } = (await import('kafkajs/src/consumer/runner.js')) as {
    default: { prototype: { fetch: (nodeId: string) => Promise<unknown> } };
  };
  const stopped = { running: false, consumerGroup: {}, logger: { debug: () => undefined } };
  await expect(Runner.prototype.fetch.call(stopped, '1')).rejects.toThrow('The consumer was stopped.');
});
