import { startKafka } from '../support/brokers/kafka-cluster.js';
import { describeFullDisk } from './full-disk.js';
import { connected } from './kafka-bench.js';

describeFullDisk('kafka', 128, async (parent) => {
  const cluster = await startKafka({ parent });
  return {
    connected: () => connected({ brokers: cluster.brokers, namePrefix: 'disk.' }),
    revive: () => cluster.restore(),
    stop: () => cluster.stop(),
  };
});
