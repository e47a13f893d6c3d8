import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  type MessagingView,
} from '../../src/core/messaging/index.js';
import { MemoryControlStore } from '../../src/core/messaging/transport-kit/memory-control-store.js';
import { deadLetter } from '../support/dead-letter-desk.js';
import { documentedFetch } from '../support/documented-answers.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing' })
  charge(): void {
    // handled
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeOperations();
});

const boot = (control = new MemoryControlStore()): Promise<OperationsApp> =>
  bootOperations({ providers: [Billing] }, { control });

// eslint-disable-next-line max-params -- as a request is read
async function call({ url }: OperationsApp, method: string, path: string, key: string, body?: object) {
  return documentedFetch(`${url}/messaging/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
}

const PLACE = '/subscriptions/orders.placed/billing';

it('lists what was changed, by whom, why and how it ended, and no denials', async () => {
  const shop = await boot();
  const id = await shop.deadLetters.park(deadLetter(1, Date.now()));
  await call(shop, 'PATCH', PLACE, 'operator', { paused: true, reason: 'INC-4' });
  await shop.deadLetters.archive(id, { actor: 'admin', reason: 'INC-5' });
  const again = shop.deadLetters.archive(id, { actor: 'admin', reason: 'INC-6' });
  await expect(again).rejects.toMatchObject({ code: 'CONFLICT' });
  await call(shop, 'PATCH', PLACE, 'viewer', { paused: false, reason: 'no' });
  const list = await call(shop, 'GET', '/audit', 'admin');
  expect(await jsonOf(list)).toEqual({
    items: [
      {
        ...{ at: expect.any(String), action: 'archive', outcome: 'failed', actor: 'admin', target: id },
        ...{ reason: 'INC-6', errorCode: 'CONFLICT' },
      },
      {
        ...{ at: expect.any(String), action: 'archive', outcome: 'succeeded', actor: 'admin', target: id },
        reason: 'INC-5',
      },
      {
        ...{ at: expect.any(String), action: 'pause-subscription', outcome: 'succeeded', actor: 'operator' },
        ...{ target: 'orders.placed/billing', reason: 'INC-4' },
      },
    ],
    page: { nextCursor: null, limit: 50 },
    ...{ scope: 'process', missed: 0 },
  });
  const first = await jsonOf(await call(shop, 'GET', '/audit?actor=admin&limit=1', 'admin'));
  expect(first.items).toMatchObject([{ reason: 'INC-6' }]);
  const next = await call(shop, 'GET', `/audit?actor=admin&limit=1&cursor=${first.page.nextCursor}`, 'admin');
  expect((await jsonOf(next)).items).toMatchObject([{ reason: 'INC-5' }]);
  const target = await jsonOf(await call(shop, 'GET', '/audit?target=orders.placed/billing', 'admin'));
  expect(target.items).toMatchObject([{ action: 'pause-subscription' }]);
  const forged = Buffer.from(JSON.stringify([1, 'x', 'subscriptions/'])).toString('base64url');
  for (const [query, status] of [
    [`?cursor=${first.page.nextCursor}`, 400],
    [`?cursor=${forged}`, 400],
    ['?outcome=denied', 422],
    ['?limit=0', 422],
    ['?from=2026-02-30', 422],
    ['?who=ana', 400],
  ] as const)
    expect([query, (await call(shop, 'GET', `/audit${query}`, 'admin')).status]).toEqual([query, status]);
  expect((await call(shop, 'GET', '/audit', 'operator')).status).toBe(403);
});

it('a store that is away prevents no change, and what is missing is counted and logged', async () => {
  const warned: string[] = [];
  jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void warned.push(String(line)));
  const control = new MemoryControlStore();
  const shop = await boot(control);
  const events: string[] = [];
  shop.app.get<MessagingView>(MESSAGING_VIEW).observe({ on: ({ type }) => void events.push(type) });
  const id = await shop.deadLetters.park(deadLetter(1, Date.now()));
  const put = jest.spyOn(control, 'put').mockRejectedValue(new Error('away'));
  const list = jest
    .spyOn(control, 'list')
    .mockRejectedValue(Object.assign(new Error('redis.internal'), { code: 'STORE_UNAVAILABLE' }));
  const archived = await shop.deadLetters.archive(id, { actor: 'ann', reason: 'INC-5' });
  expect(archived.status).toBe('archived');
  expect(events).toContain('audit-missed');
  expect(warned.join('\n')).toContain('the list of actions misses 1 of this process');
  const refused = await fetch(`${shop.url}/messaging/api/v1/audit`, { headers: { 'x-api-key': 'admin' } });
  expect(await refused.text()).not.toContain('redis.internal');
  put.mockRestore();
  list.mockRestore();
  await shop.deadLetters.restore(id, { actor: 'ann', reason: 'INC-5' });
  expect(await jsonOf(await call(shop, 'GET', '/audit', 'admin'))).toMatchObject({
    items: [{ action: 'restore' }],
    missed: 1,
  });
});
