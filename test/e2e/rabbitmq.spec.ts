import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const CANARY = 'canary-4711';
/** Younger queues may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 1_500;
let server: RabbitmqCluster;
let env: Record<string, string>;
const data = temporaryDirectory();
const apps: Demonstration[] = [];

beforeAll(async () => {
  server = await startRabbitmq();
  await server.control('add_user', 'shop', CANARY);
  await server.control('set_permissions', 'shop', '.*', '.*', '.*');
  const urls = server.urls.map((url) => url.replace('//', `//shop:${CANARY}@`));
  env = { SWITCHYARD_TRANSPORTS: `{rabbit: {kind: rabbitmq, urls: ${JSON.stringify(urls)}}}` };
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

/** Groups that have handled the order in these instances, each time. */
function handledIn(names: readonly string[], orderId: string): string[] {
  return names.flatMap((name) => {
    const ledger = readFileSync(join(data.path, name, 'data', 'ledger.jsonl'), {
      encoding: 'utf8',
      flag: 'a+',
    });
    return ledger
      .split('\n')
      .filter((line) => line.includes(`"orderId":"${orderId}"`))
      .map((line) => (JSON.parse(line) as { group: string }).group);
  });
}

it('the walk through the README is the same on RabbitMQ', async () => {
  const app = await start('walk');
  await walkThroughReadme(app, join(data.path, 'walk'), { transport: 'rabbit', durability: 'replicated' });
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toContain('transport="rabbit"');
  expect(await app.end('SIGTERM')).toBe(0);
  expect(app.output()).not.toContain(CANARY);
}, 120_000);

it('two instances share the work', async () => {
  const [one, two] = [await start('one'), await start('two')];
  const ids = Array.from({ length: 30 }, (_, nth) => `shared-${nth}`);
  await Promise.all(ids.map((id, nth) => place(nth % 2 === 0 ? one : two, id)));
  await eventually(() => ids.every((id) => handledIn(['one', 'two'], id).length >= 3) || undefined);
  for (const id of ids)
    expect(handledIn(['one', 'two'], id).sort()).toEqual(['billing', 'inventory', 'notifications']);
  await Promise.all([one.end('SIGTERM'), two.end('SIGTERM')]);
}, 120_000);

it('reports in its health that RabbitMQ is down, resumes when it is back, and loses no accepted message', async () => {
  const app = await start('gone');
  expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, REMEMBERS_QUEUES_MS));
  await server.nodes[0]!.kill();
  await eventually(async () => (await fetch(`${app.url}/health/ready`)).status === 503 || undefined);
  expect((await place(app, 'while-gone')).status).toBe(503);
  await server.restore();
  await eventually(async () => (await fetch(`${app.url}/health/ready`)).status === 200 || undefined);
  await eventually(async () => (await place(app, 'afterwards')).status === 201 || undefined);
  await eventually(() => handledIn(['gone'], 'afterwards').length >= 3 || undefined);
  expect(app.output()).not.toContain(CANARY);
  expect(await (await fetch(`${app.url}/health`)).text()).not.toContain(CANARY);
  await app.end('SIGTERM');
}, 120_000);
