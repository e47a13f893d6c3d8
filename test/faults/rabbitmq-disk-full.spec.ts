import { startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { describeFullDisk } from './full-disk.js';
import { connected } from './rabbitmq-bench.js';

describeFullDisk('rabbitmq', 256, async (parent) => {
  const cluster = await startRabbitmq({ parent });
  return {
    connected: () => connected({ urls: cluster.urls, namePrefix: 'disk.' }),
    revive: async () => {
      await cluster.nodes[0]!.kill(); // it runs on, and refuses everything until it is started anew
      await cluster.restore();
    },
    stop: () => cluster.stop(),
  };
});
