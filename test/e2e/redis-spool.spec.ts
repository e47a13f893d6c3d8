import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const GROUPS = ['billing', 'inventory', 'notifications'];
const data = temporaryDirectory();
const directory = join(data.path, 'data');
const apps: Demonstration[] = [];
let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(async () => {
  await Promise.all(apps.map((app) => app.end('SIGKILL')));
  await server.stop();
  data.remove();
});

async function start(): Promise<Demonstration> {
  const inner = `fast: {kind: redis, url: "${server.url}"}, disk: {kind: embedded, directory: "${directory}/spool"}`;
  const main = 'main: {kind: spooled, transport: fast, spool: disk, probeIntervalMs: 200}';
  const app = await startDemonstration(directory, {
    SWITCHYARD_TRANSPORTS: `{${inner}, ${main}}`,
    SWITCHYARD_ROUTES: '[{match: "**", transport: main}]',
  });
  apps.push(app);
  return app;
}

async function place(app: Demonstration, orderId: string): Promise<unknown> {
  const response = await fetch(`${app.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, customer: 'ann', total: 1 }),
  });
  return response.json();
}

function groupsOf(orderId: string): string[] {
  const ledger = readFileSync(join(directory, 'ledger.jsonl'), { encoding: 'utf8', flag: 'a+' });
  return ledger
    .split('\n')
    .filter((line) => line.includes(`"orderId":"${orderId}"`))
    .map((line) => (JSON.parse(line) as { group: string }).group)
    .sort();
}

async function health(app: Demonstration): Promise<{ readonly code: number; readonly main: object }> {
  const response = await fetch(`${app.url}/health`, { headers: { 'x-api-key': app.adminKey } });
  const { details } = (await response.json()) as { details: Record<string, object> };
  return { code: response.status, main: details['messaging:main'] ?? {} };
}

it('the walk through the README is the same with a spool', async () => {
  const app = await start();
  await walkThroughReadme(app, data.path, { transport: 'fast', durability: 'acknowledged' });
  expect(await health(app)).toMatchObject({ code: 200, main: { status: 'up', active: 'fast', spooled: 0 } });
  expect(await app.end('SIGTERM')).toBe(0);
}, 60_000);

it('takes orders while Redis is gone, over a kill of the application, and handles each once Redis is back', async () => {
  const first = await start();
  await server.kill();
  const ids: string[] = [];
  const placeSome = async (app: Demonstration, name: string): Promise<void> => {
    for (let nth = 0; nth < 5; nth++) {
      const orderId = `${name}-${nth}`;
      const receipt = { status: 'spooled', transport: 'disk' };
      expect(await place(app, orderId)).toMatchObject({ orderId, receipt });
      ids.push(orderId);
    }
  };
  await placeSome(first, 'first');
  await eventually(async () => ('failing' in (await health(first)).main ? true : undefined));
  expect(await health(first)).toMatchObject({
    code: 200,
    main: { status: 'degraded', active: 'disk', failing: ['fast'], spooled: 5 },
  });
  expect((await fetch(`${first.url}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${first.url}/metrics`)).text();
  expect(metrics).toContain('messaging_spool_messages{transport="main"} 5');
  expect(metrics).toContain('messaging_transport_active{transport="main",member="disk"} 1');
  expect(metrics).toContain('messaging_transport_member_up{transport="main",member="fast"} 0');

  await first.end('SIGKILL');
  const second = await start();
  await placeSome(second, 'second');
  expect(await health(second)).toMatchObject({ code: 200, main: { spooled: 10 } });
  await server.restart();
  await eventually(() => ids.every((id) => groupsOf(id).length >= GROUPS.length) || undefined);
  for (const id of ids) expect(groupsOf(id)).toEqual(GROUPS);
  await eventually(async () => {
    const { main } = await health(second);
    return JSON.stringify(main).includes('"spooled":0') || undefined;
  });
  expect(await health(second)).toMatchObject({ code: 200, main: { status: 'up', active: 'fast' } });
  expect(await place(second, 'afterwards')).toMatchObject({
    receipt: { status: 'accepted', transport: 'fast' },
  });
  expect(await second.end('SIGTERM')).toBe(0);
}, 120_000);
