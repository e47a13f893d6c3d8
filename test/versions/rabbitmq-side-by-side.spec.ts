import { randomUUID } from 'node:crypto';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { rabbitmqBench } from '../faults/rabbitmq-bench.js';
import { type Bench, closeAll } from '../faults/transport-bench.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { raised } from './raised.js';
import { describeSideBySide } from './side-by-side.js';

let server: RabbitmqCluster;
let options: object;
let closeNewer = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  server = await startRabbitmq();
}, 180_000);
afterAll(() => server.stop(), 60_000);
beforeEach(() => (options = { urls: server.urls, namePrefix: `${randomUUID().slice(0, 8)}.` }));
afterEach(async () => {
  await Promise.all([closeAll(), closeNewer()]);
}, 60_000);

async function connected(made: Bench<Transport>): Promise<Bench<Transport>> {
  await made.transport.connect();
  return made;
}

describe('two versions on one RabbitMQ', () => {
  describeSideBySide({
    older: () => connected(rabbitmqBench(options)),
    newer: async () => {
      const [bench, benches] = await raised(async () => [
        (await import('../faults/rabbitmq-bench.js')).rabbitmqBench,
        await import('../faults/transport-bench.js'),
      ]);
      closeNewer = benches.closeAll;
      return connected(bench(options));
    },
  });
});
