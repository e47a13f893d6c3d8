import { connect, createServer, type Server } from 'node:net';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './kafka-bench.js';
import { closeAll, publishOne } from './transport-bench.js';

let kafka: KafkaCluster;
let relay: Server;
let connections = 0;

beforeAll(async () => {
  kafka = await startKafka();
  const [, port = ''] = (kafka.brokers[0] ?? '').split(':');
  relay = createServer((socket) => {
    connections += 1;
    const inner = connect(Number(port), '127.0.0.1');
    socket.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => socket.destroy()).pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    relay.once('error', reject).listen(0, '::1', () => resolve());
  });
}, 120_000);
afterEach(closeAll);
afterAll(async () => {
  relay.close();
  await kafka.stop();
});

it('a broker with an IPv6 address is asked for the others', async () => {
  const { port } = relay.address() as { readonly port: number };
  const { transport } = await connected({ brokers: [`[::1]:${port}`] });
  await waitUntil('it accepts', async () => (await publishOne(transport, 't')).kind === 'accepted');
  expect(connections).toBeGreaterThan(0);
});
