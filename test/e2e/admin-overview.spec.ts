import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import type { Backlog } from '../../src/core/messaging/ports/transport.js';
import type { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { documentedFetch } from '../support/documented-answers.js';
import { memoryTransport } from '../support/messaging-app.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

class DatabaseDown extends Error {}

@Injectable()
class Billing {
  @MessageHandler(Placed, {
    group: 'billing',
    attempts: 1,
    killSwitch: { after: 1, errors: [DatabaseDown], probeEveryMs: 60_000 },
  })
  charge({ n }: { n: number }): void {
    if (n < 0) throw new RangeError('no card');
    if (n === 0) throw new DatabaseDown('refused');
  }
}

@Injectable()
class Shipping {
  @MessageHandler(Placed, { group: 'shipping' })
  ship(): void {
    // handled
  }
}

afterEach(closeOperations);

const boot = (main: MemoryTransport = memoryTransport('main')): Promise<OperationsApp> =>
  bootOperations({ providers: [Billing, Shipping] }, { transports: [main] });

async function overviewOf({ url }: OperationsApp): Promise<ReturnType<typeof jsonOf>> {
  const response = await documentedFetch(`${url}/messaging/api/v1/overview`, {
    headers: { authorization: 'Bearer viewer' },
  });
  expect(response.status).toBe(200);
  return jsonOf(response);
}

/** Once the cache of the overview is over. */
type Overview = ReturnType<typeof jsonOf> extends Promise<infer T> ? T : never;

const overviewWith = async (
  shop: OperationsApp,
  found: (overview: Overview) => boolean,
): Promise<Overview> => {
  let overview: Overview;
  await waitUntil('the overview shows it', async () => found((overview = await overviewOf(shop))));
  return overview;
};

it('shows state, traffic, backlogs and dead letters, each with the processes that it is about', async () => {
  const shop = await boot();
  for (const n of [1, 2, -1]) await shop.messaging.publish(Placed, { n });
  const overview = await overviewWith(shop, ({ traffic }) => traffic.sinceStart.handled === 5);
  const counts = { published: 3, publishFailed: 0, handled: 5, failed: 1, deadLettered: 1 };
  expect(overview).toMatchObject({
    ...{ status: 'ok', state: 'running' },
    draining: { scope: 'process', isDraining: false },
    transports: { scope: 'process', items: [{ name: 'main', system: 'memory', isUp: true }] },
    problems: { scope: 'process', total: 0, items: [] },
    spools: { scope: 'process', messages: 0, items: [] },
    backlogs: [{ transport: 'main', scope: 'process', ready: 0, groups: 2, unanswered: 0 }],
    deadLetters: { total: 1, pending: 1, lastHour: 1, oldestPendingAt: expect.any(String) },
    traffic: { scope: 'process', sinceStart: counts, lastMinute: counts, lastFiveMinutes: counts },
    paused: { scope: 'process', isCurrent: true, total: 0, items: [] },
    killSwitches: { scope: 'process', total: 0, items: [] },
    components: { messaging: { status: 'up' }, 'messaging:main': { status: 'up' } },
  });
});

it('shows paused groups, open kill switches, what waits, and a drained process', async () => {
  const shop = await boot();
  const change = (method: string, path: string, body: object): Promise<Response> =>
    fetch(`${shop.url}/messaging/api/v1${path}`, {
      method,
      headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await change('PATCH', '/subscriptions/orders.placed/shipping', { paused: true, reason: 'INC-4' });
  await shop.messaging.publish(Placed, { n: 0 });
  const overview = await overviewWith(shop, ({ killSwitches }) => killSwitches.total === 1);
  expect(overview).toMatchObject({
    status: 'degraded',
    backlogs: [{ oldest: { topic: 'orders.placed', ageMs: expect.any(Number) } }],
    paused: {
      total: 1,
      items: [{ topic: 'orders.placed', group: 'shipping', reason: 'INC-4', by: 'admin' }],
    },
    killSwitches: { items: [{ group: 'billing', handler: 'Billing.charge', errorType: 'DatabaseDown' }] },
  });
  await change('POST', '/process/drain', { reason: 'old node' });
  await overviewWith(shop, ({ draining }) => draining.isDraining === true);
});

it('answers in time when store and transport do not, names them, and asks neither again', async () => {
  const main = memoryTransport('main');
  const shop = await boot(main);
  const never = (): Promise<never> => new Promise(() => undefined);
  let asked = 0;
  main.backlog = (): Promise<Backlog> => ((asked += 1), never());
  shop.store.stats = never;
  const began = performance.now();
  const overview = await overviewOf(shop);
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(overview).toMatchObject({
    status: 'degraded',
    transports: { items: [{ isUp: true }] },
    backlogs: [{ groups: 0, unanswered: 2 }],
    deadLetters: { errorCode: 'DEADLINE_EXCEEDED' },
  });
  expect(overview.deadLetters).not.toHaveProperty('total');
  expect(await overviewOf(shop)).toEqual(overview);
  expect(asked).toBe(2);
});

it('is read once for many callers at a time', async () => {
  const shop = await boot();
  let asked = 0;
  const stats = shop.store.stats.bind(shop.store);
  shop.store.stats = () => ((asked += 1), stats());
  const address = `${shop.url}/messaging/api/v1/overview`;
  const ask = async (): Promise<string> =>
    (await fetch(address, { headers: { authorization: 'Bearer viewer' } })).text();
  const all = await Promise.all(Array.from({ length: 50 }, ask));
  expect(new Set(all).size).toBe(1);
  expect(asked).toBe(1);
});
