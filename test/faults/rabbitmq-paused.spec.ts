import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';

let cluster: RabbitmqCluster;

beforeAll(async () => {
  cluster = await startRabbitmq();
}, 120_000);
afterAll(() => cluster.stop());
afterEach(async () => {
  for (const node of cluster.nodes) node.resume();
  await closeAll();
});

/** Connections of this process, also those that are only waiting for the other side to say goodbye. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

it('keeps no socket to a node that has fallen silent, whether or not it closes its socket', async () => {
  const before = sockets();
  const { events } = await connected({ urls: cluster.urls, heartbeatMs: 1_000, connectTimeoutMs: 1_000 });
  const open = sockets();
  expect(open).toBeGreaterThan(before);
  for (const node of cluster.nodes) node.pause();
  await waitUntil('it is lost', async () => events.some(({ type }) => type === 'disconnected'));
  await closeAll(); // or it would go on trying
  await waitUntil('no socket is left', async () => sockets() <= before, 10_000);
}, 60_000);
