import { join } from 'node:path';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { type Demonstration, eventually, startDemonstration } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Messages that the spool takes at most. */
const SPOOL_MESSAGES = 40;
/** Younger queues may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 5_500;
const data = temporaryDirectory();
let redis: RedisServer;
let rabbit: RabbitmqCluster;
const apps: Demonstration[] = [];

beforeAll(async () => {
  [redis, rabbit] = await Promise.all([startRedis(), startRabbitmq()]);
}, 120_000);
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.end('SIGKILL')));
  await rabbit.restore();
  if (!redis.process.isRunning) await redis.restart();
}, 120_000);
afterAll(async () => {
  await Promise.all([redis.stop(), rabbit.stop()]);
  data.remove();
}, 60_000);

async function start(name: string, env: Record<string, string> = {}): Promise<Demonstration> {
  const directory = join(data.path, name);
  const probes = 'probeIntervalMs: 200, maxProbeIntervalMs: 500';
  const transports = [
    `work: {kind: rabbitmq, urls: ${JSON.stringify(rabbit.urls)}, namePrefix: "${name}."}`,
    `fast: {kind: redis, url: "${redis.url}", keyPrefix: "${name}:"}`,
    `brokers: {kind: failover, members: [work, fast], failBackAfterMs: 1000, ${probes}}`,
    `disk: {kind: embedded, directory: "${directory}/spool"}`,
    `main: {kind: spooled, transport: brokers, spool: disk, maxMessages: ${SPOOL_MESSAGES}, ${probes}}`,
  ];
  const app = await startDemonstration(directory, {
    SWITCHYARD_TRANSPORTS: `{${transports.join(', ')}}`,
    SWITCHYARD_ROUTES: '[{match: "**", transport: main}]',
    ...env,
  });
  apps.push(app);
  return app;
}

interface Seen {
  readonly codes: readonly number[];
  readonly status: string;
  readonly main: Readonly<Record<string, unknown>>;
  readonly components: Readonly<Record<string, unknown>>;
}

/** Codes of the full report, of liveness and of readiness, and what a viewer is shown. */
async function look({ url, adminKey }: Demonstration): Promise<Seen> {
  const full = await fetch(`${url}/health`, { headers: { 'x-api-key': adminKey } });
  const probes = await Promise.all(['live', 'ready'].map((path) => fetch(`${url}/health/${path}`)));
  const { status, details } = (await full.json()) as {
    status: string;
    details: Record<string, Seen['main']>;
  };
  return {
    codes: [full, ...probes].map((answer) => answer.status),
    status,
    main: details['messaging:main'] ?? {},
    components: details,
  };
}

/** What is seen once it is so. */
async function lookUntil(app: Demonstration, isSo: (seen: Seen) => boolean): Promise<Seen> {
  return eventually(async () => {
    const seen = await look(app);
    return isSo(seen) ? seen : undefined;
  }, 60_000);
}

async function place(app: Demonstration, orderId: string): Promise<number> {
  const response = await fetch(`${app.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, customer: 'ann', total: 1 }),
  });
  return response.status;
}

const fails = ({ failing = [] }: Seen['main'], member: string): boolean =>
  (failing as readonly string[]).includes(member);
const ALL_PASS = [200, 200, 200];
const NOT_READY = [503, 200, 503];
/** The three are asked one after the other, and what is cached may end between them. */
const isOf = (codes: readonly number[], wanted: readonly number[]): boolean => codes.join() === wanted.join();

it('shows each thing that can happen to the brokers, and is ready as long as something takes messages', async () => {
  const app = await start('rows');
  const isWell = ({ status }: Seen): boolean => status === 'ok';
  const well = await lookUntil(app, isWell);
  expect(well).toMatchObject({ codes: ALL_PASS, main: { status: 'up', active: 'work', spooled: 0 } });
  expect(well.main).not.toHaveProperty('lastSwitch');

  await redis.kill(); // not the one in use
  const spare = await lookUntil(app, ({ main }) => fails(main, 'fast'));
  expect(spare).toMatchObject({ codes: ALL_PASS, status: 'degraded' });
  expect(spare.main).toMatchObject({ status: 'degraded', active: 'work', failing: ['fast'] });
  await redis.restart();
  await lookUntil(app, isWell);

  await new Promise((resolve) => setTimeout(resolve, REMEMBERS_QUEUES_MS));
  const movedAt = Date.now();
  await rabbit.nodes[0]!.kill();
  const moved = await lookUntil(app, ({ main }) => main['active'] === 'fast' && fails(main, 'work'));
  expect(moved).toMatchObject({ codes: ALL_PASS, status: 'degraded' });
  expect(moved.main).toMatchObject({ status: 'degraded', failing: ['work'] });
  expect(moved.main['lastSwitch']).toMatch(/^work > fast \([A-Z_]+\)$/);
  expect(Date.parse(String(moved.main['lastSwitchAt']))).toBeGreaterThanOrEqual(movedAt);

  await redis.kill();
  await lookUntil(app, ({ main }) => main['active'] === 'disk');
  for (let nth = 0; nth < SPOOL_MESSAGES / 2; nth++) expect(await place(app, `half-${nth}`)).toBe(201);
  const spooling = await lookUntil(app, ({ main }) => fails(main, 'fast') && 'spoolFullInMs' in main);
  expect(spooling).toMatchObject({ codes: ALL_PASS, status: 'degraded' });
  expect(spooling.main).toMatchObject({
    failing: expect.arrayContaining(['brokers', 'work', 'fast']),
    spooled: SPOOL_MESSAGES / 2,
    spoolStorageBytes: expect.any(Number),
    spoolFullInMs: expect.any(Number),
    lastSwitch: expect.stringMatching(/^brokers > disk/),
  });

  const refused: number[] = [];
  for (let nth = 0; refused.length === 0 && nth < SPOOL_MESSAGES; nth++) {
    const code = await place(app, `more-${nth}`);
    if (code !== 201) refused.push(code);
  }
  expect(refused).toEqual([503]);
  const full = await lookUntil(app, ({ codes }) => isOf(codes, NOT_READY));
  expect(full).toMatchObject({ status: 'error', main: { status: 'down' } });

  await redis.restart();
  const drained = await lookUntil(
    app,
    ({ codes, main }) => isOf(codes, ALL_PASS) && main['spooled'] === 0 && !fails(main, 'fast'),
  );
  expect(drained).toMatchObject({ status: 'degraded', main: { active: 'fast', failing: ['work'] } });
  await rabbit.restore();
  const back = await lookUntil(app, ({ status, main }) => status === 'ok' && main['active'] === 'work');
  expect(back).toMatchObject({ codes: ALL_PASS, main: { active: 'work', spooled: 0 } });
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  for (const line of [
    'messaging_failovers_total{transport="brokers",from="work",to="fast"} 1',
    'messaging_failovers_total{transport="main",from="disk",to="brokers"} 1',
    'messaging_circuit_breaker_state{transport="brokers",member="work",state="closed"} 1',
    'messaging_circuit_breaker_state{transport="brokers",member="work",state="open"} 0',
  ])
    expect(metrics).toContain(line);
  expect(JSON.stringify(back)).not.toMatch(/127\.0\.0\.1|localhost/);
}, 240_000);

it('is not ready without a transport that is required, and live all the same', async () => {
  const required = { SWITCHYARD_HEALTH: '{readiness: all-required, requiredTransports: [fast]}' };
  const app = await start('required', required);
  // Its consumers may still be starting.
  const well = await lookUntil(app, ({ status }) => status === 'ok');
  expect(well).toMatchObject({ codes: ALL_PASS });
  await redis.kill();
  const seen = await lookUntil(app, ({ codes }) => isOf(codes, NOT_READY));
  expect(seen).toMatchObject({
    components: { 'messaging-required': { status: 'down', missing: ['fast'] } },
  });
  expect(await place(app, 'one')).toBe(201);
  await redis.restart();
  await lookUntil(app, ({ codes }) => isOf(codes, ALL_PASS));
}, 120_000);

it('starts and accepts orders without a broker, reports that, and shows the spool of the run before', async () => {
  const first = await start('boot');
  await lookUntil(first, ({ status }) => status === 'ok');
  await new Promise((resolve) => setTimeout(resolve, REMEMBERS_QUEUES_MS));
  await first.end('SIGKILL');
  await Promise.all([redis.kill(), rabbit.nodes[0]!.kill()]);
  const second = await start('boot');
  expect(await place(second, 'one')).toBe(201);
  const seen = await lookUntil(second, ({ main }) => main['spooled'] === 1);
  expect(seen).toMatchObject({ codes: ALL_PASS, status: 'degraded', main: { active: 'disk' } });
  await second.end('SIGKILL');
  const third = await start('boot');
  await lookUntil(third, ({ main }) => main['spooled'] === 1);
  await redis.restart();
  const drained = await lookUntil(third, ({ main }) => main['spooled'] === 0);
  expect(drained.codes).toEqual(ALL_PASS);
}, 240_000);
