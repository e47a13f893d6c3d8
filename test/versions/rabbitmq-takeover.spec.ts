import { rabbitmqBench } from '../faults/rabbitmq-bench.js';
import { closeAll } from '../faults/transport-bench.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { describeTakeover } from './takeover.js';

let server: RabbitmqCluster;
beforeAll(async () => {
  server = await startRabbitmq();
}, 180_000);
afterAll(() => server.stop(), 60_000);
afterEach(() => closeAll(), 60_000);

describe('RabbitMQ', () => {
  describeTakeover({
    kind: 'rabbitmq',
    options: () => ({ urls: server.urls, namePrefix: 'taken.' }),
    open: (given) => rabbitmqBench(given).transport,
  });
});
