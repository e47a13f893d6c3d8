import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import {
  authorizer,
  bootOperations,
  closeOperations,
  jsonOf,
  type OperationsApp,
} from '../support/operations-app.js';

const API = '/messaging/api/v1/subscriptions';
const PLACE = `${API}/orders.placed/billing`;
const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

class DatabaseDown extends Error {}
let isDown = false;
const handled: number[] = [];

@Injectable()
class Billing {
  @MessageHandler(Placed, {
    group: 'billing',
    concurrency: 4,
    killSwitch: { after: 2, errors: [DatabaseDown], probeEveryMs: 200 },
  })
  async charge({ n }: { n: number }): Promise<void> {
    if (isDown) throw new DatabaseDown('refused');
    handled.push(n);
  }
}

beforeEach(() => {
  isDown = false;
  handled.length = 0;
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeOperations();
});

const boot = (): Promise<OperationsApp> =>
  bootOperations({
    providers: [Billing],
    imports: [HealthModule.forRoot({ authorizer, showDetails: 'always' }), MetricsModule.forRoot({})],
  });

function patch(
  url: string,
  body: unknown,
  { key = 'operator', path = PLACE, ...headers }: Record<string, string> = {},
): Promise<Response> {
  const all = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url + path, { method: 'PATCH', headers: all, body: text });
}

async function read(url: string, path: string): Promise<ReturnType<typeof jsonOf>> {
  return jsonOf(await fetch(url + path, { headers: { authorization: 'Bearer viewer' } }));
}

it('pauses and resumes a group, which health, metrics and the audit log show while readiness stays', async () => {
  const audited: string[] = [];
  jest.spyOn(Logger.prototype, 'log').mockImplementation((line: unknown) => void audited.push(String(line)));
  const { url, messaging } = await boot();
  const before = await read(url, PLACE);
  expect(before).toMatchObject({
    ...{ topic: 'orders.placed', group: 'billing', paused: false, scope: 'process', isCurrent: true },
    consumers: [{ handler: 'Billing.charge', transport: 'main', state: 'running', concurrency: 4 }],
  });
  const answer = await patch(url, { paused: true, reason: 'INC-4', forMs: 60_000 });
  expect(answer.status).toBe(200);
  const paused = await jsonOf(answer);
  expect(answer.headers.get('etag')).toBe(`"${String(paused.tag)}"`);
  expect(paused).toMatchObject({
    paused: true,
    pause: { reason: 'INC-4', by: 'operator' },
    consumers: [{ state: 'paused' }],
  });
  const until = Date.parse(paused.pause.until) - Date.now();
  expect(until).toBeGreaterThan(30_000);
  expect(until).toBeLessThanOrEqual(60_000);
  expect(await read(url, API)).toEqual({ items: [paused] });

  await messaging.publish(Placed, { n: 1 });
  const health = await read(url, '/health');
  expect(health.details['messaging-consumers']).toMatchObject({
    missing: [expect.stringMatching(/^orders.placed\/billing on main: paused until .*: INC-4$/)],
  });
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('messaging_subscription_paused{topic="orders.placed",group="billing"} 1');
  expect(handled).toEqual([]);

  expect((await patch(url, { paused: false, reason: 'fixed' })).status).toBe(200);
  await waitUntil('it is handled', async () => handled.length === 1);
  expect(await read(url, PLACE)).not.toHaveProperty('pause');
  const actions = audited.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as object);
  for (const action of ['pause-subscription', 'resume-subscription'])
    expect(actions).toContainEqual(
      expect.objectContaining({
        action,
        outcome: 'succeeded',
        actor: 'operator',
        id: 'orders.placed/billing',
      }),
    );
});

it('a pause ends by itself', async () => {
  const { url, messaging } = await boot();
  await patch(url, { paused: true, reason: 'short', forMs: 300 });
  await messaging.publish(Placed, { n: 1 });
  expect(handled).toEqual([]);
  await waitUntil('it is handled', async () => handled.length === 1);
  expect(await read(url, PLACE)).toMatchObject({ paused: false, consumers: [{ state: 'running' }] });
});

it('changes concurrency and rate, and takes them back', async () => {
  const { url } = await boot();
  const limited = await jsonOf(await patch(url, { concurrency: 2, ratePerSecond: 0.5, reason: 'slow' }));
  expect(limited).toMatchObject({ concurrency: 2, ratePerSecond: 0.5, consumers: [{ concurrency: 2 }] });
  const one = await jsonOf(await patch(url, { ratePerSecond: null, reason: 'fast' }));
  expect(one).toMatchObject({ concurrency: 2 });
  expect(one).not.toHaveProperty('ratePerSecond');
  const none = await jsonOf(await patch(url, { concurrency: null, reason: 'fast' }));
  expect(none).toMatchObject({ consumers: [{ concurrency: 4 }] });
  expect(none).not.toHaveProperty('concurrency');
});

it('a rate keeps messages from starting', async () => {
  const { url, messaging } = await boot();
  await patch(url, { ratePerSecond: 5, reason: 'slow' });
  const began = performance.now();
  for (let n = 0; n < 40; n++) await messaging.publish(Placed, { n });
  await waitUntil('some are handled', async () => handled.length >= 15);
  expect(performance.now() - began).toBeGreaterThan(1_800);
  await patch(url, { ratePerSecond: null, reason: 'fast' });
  await waitUntil('all are handled', async () => handled.length === 40, 5_000);
});

it('of two operators, the one who decides on an outdated state is refused', async () => {
  const { url } = await boot();
  const { tag } = await read(url, PLACE);
  const ifMatch = { 'if-match': `"${String(tag)}"` };
  expect((await patch(url, { paused: true, reason: 'a' }, ifMatch)).status).toBe(200);
  const late = await patch(url, { paused: false, reason: 'b' }, ifMatch);
  expect(late.status).toBe(412);
  expect(late.headers.get('content-type')).toContain('application/problem+json');
  expect(await jsonOf(late)).toMatchObject({ type: 'urn:problem:messaging:changed' });
  expect(await read(url, PLACE)).toMatchObject({ paused: true });
  expect((await patch(url, { paused: false, reason: 'b' }, { 'if-match': '*' })).status).toBe(200);
});

it.each<[string, unknown, number, Record<string, string>?]>([
  ['no reason', { paused: true }, 400],
  ['an empty reason', { paused: true, reason: ' ' }, 400],
  ['nothing to do', { reason: 'x' }, 400],
  ['an unknown key', { pause: true, reason: 'x' }, 400],
  ['text for a flag', { paused: 'yes', reason: 'x' }, 400],
  ['a time without a pause', { paused: false, forMs: 5, reason: 'x' }, 400],
  ['no time', { paused: true, forMs: 0, reason: 'x' }, 422],
  ['a pause for ever', { paused: true, forMs: 1e12, reason: 'x' }, 422],
  ['no concurrency', { concurrency: 0, reason: 'x' }, 422],
  ['half a slot', { concurrency: 1.5, reason: 'x' }, 422],
  ['a negative rate', { ratePerSecond: -1, reason: 'x' }, 422],
  ['no object', '[]', 400],
  ['no JSON', '{', 400],
  ['a group that is none', { paused: true, reason: 'x' }, 404, { path: `${API}/orders.placed/other` }],
  ['a name that is none', { paused: true, reason: 'x' }, 422, { path: `${API}/a%20b/other` }],
  ['a viewer', { paused: true, reason: 'x' }, 403, { key: 'viewer' }],
])('%s is refused, and changes nothing', async (_, body, status, headers) => {
  const { url } = await boot();
  const answer = await patch(url, body, headers);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(await read(url, PLACE)).toMatchObject({ paused: false, tag: '0.0' });
});

it('health and metrics show an open kill switch, and readiness stays', async () => {
  const { url, messaging } = await boot();
  isDown = true;
  for (let n = 0; n < 10; n++) await messaging.publish(Placed, { n });
  await waitUntil('it is open', async () => (await read(url, PLACE)).consumers[0].killSwitch.isOpen === true);
  const health = await read(url, '/health');
  expect(health.details['messaging-consumers']).toMatchObject({
    killSwitchOpen: ['orders.placed/billing on main: DatabaseDown'],
  });
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const labels = 'topic="orders.placed",group="billing",handler="Billing.charge"';
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(`messaging_kill_switch_open{${labels}} 1`);
  isDown = false;
  await waitUntil('all are handled', async () => handled.length === 10);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(`messaging_kill_switch_open{${labels}} 0`);
});

it('a drained process consumes nothing more, and publishes', async () => {
  const { url, messaging } = await boot();
  const drain = (body: object): Promise<Response> =>
    fetch(`${url}/messaging/api/v1/process/drain`, {
      method: 'POST',
      headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect((await drain({})).status).toBe(400);
  const drained = await drain({ reason: 'old node' });
  expect([drained.status, await jsonOf(drained)]).toEqual([202, { draining: true, scope: 'process' }]);
  expect(await messaging.publish(Placed, { n: 1 })).toMatchObject({ status: 'accepted' });
  expect(await read(url, PLACE)).toMatchObject({ consumers: [{ state: 'drained' }] });
  expect((await patch(url, { paused: false, concurrency: 3, reason: 'x' })).status).toBe(200);
  expect(await read(url, PLACE)).toMatchObject({ consumers: [{ state: 'drained' }] });
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  expect(handled).toEqual([]);
});
