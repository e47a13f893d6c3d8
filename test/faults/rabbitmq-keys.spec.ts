import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { keepOrderOverProcesses } from './keys-over-processes.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

it('keeps the order of keys over three processes, of which two are killed', async () => {
  const options = { urls: server.urls, namePrefix: 'keys.' };
  const { transport } = await connected(options);
  const task = { module: 'test/conformance/rabbitmq.factory.ts', storage: JSON.stringify(options) };
  await keepOrderOverProcesses('rabbitmq', transport, task);
}, 120_000);
