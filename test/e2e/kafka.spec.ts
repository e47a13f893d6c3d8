import { join } from 'node:path';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let server: KafkaCluster;
let env: Record<string, string>;
const data = temporaryDirectory();
const apps: Demonstration[] = [];

beforeAll(async () => {
  server = await startKafka();
  env = { SWITCHYARD_TRANSPORTS: `{log: {kind: kafka, brokers: ${JSON.stringify(server.brokers)}}}` };
}, 120_000);
afterAll(async () => {
  await Promise.all(apps.map((app) => app.end('SIGKILL')));
  await server.stop();
  data.remove();
});

async function start(name: string): Promise<Demonstration> {
  const app = await startDemonstration(join(data.path, name, 'data'), env);
  apps.push(app);
  return app;
}

async function place(app: Demonstration, orderId: string): Promise<Response> {
  return fetch(`${app.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, customer: 'ann', total: 1 }),
  });
}

it('the walk through the README is the same on Kafka', async () => {
  const app = await start('walk');
  await walkThroughReadme(app, join(data.path, 'walk'), { transport: 'log', durability: 'acknowledged' });
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toContain('transport="log"');
  expect(await app.end('SIGTERM')).toBe(0);
}, 180_000);

it('reports in its health that Kafka is down, and resumes when it is back', async () => {
  const app = await start('gone');
  expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
  await server.nodes[0]!.kill();
  await eventually(async () => (await fetch(`${app.url}/health/ready`)).status === 503 || undefined);
  expect((await place(app, 'while-gone')).status).toBe(503);
  await server.restore();
  await eventually(async () => (await fetch(`${app.url}/health/ready`)).status === 200 || undefined);
  await eventually(async () => (await place(app, 'afterwards')).status === 201 || undefined);
  await app.end('SIGTERM');
}, 180_000);
