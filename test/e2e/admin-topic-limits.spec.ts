import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  PermanentError,
  systemClock,
} from '../../src/core/messaging/index.js';
import {
  type AdminApiKey,
  type AdminAuthorizer,
  apiKeyAuthorizer,
} from '../../src/infrastructure/services/admin/index.js';
import { CONTROLLERS } from '../../src/infrastructure/services/admin/admin.module.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { openApiDocument } from '../../src/infrastructure/services/admin/openapi/openapi-document.js';
import { eventually } from '../support/demonstration.js';
import { documentedFetch as fetch } from '../support/documented-answers.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({}));
const Paid = defineMessage('payments.paid', z.object({}));

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 1 })
  place(): void {
    throw new PermanentError('no');
  }

  @MessageHandler(Paid, { group: 'ledger', attempts: 1 })
  pay(): void {
    throw new PermanentError('no');
  }
}

const key = (name: string, more: Partial<AdminApiKey>): AdminApiKey => ({
  name,
  sha256: createHash('sha256').update(name).digest('hex'),
  roles: ['admin', 'payload:read'],
  ...more,
});
const authorizer = apiKeyAuthorizer({
  keys: [
    key('all', {}),
    key('orders', { topics: ['orders.*'] }),
    key('payments', { topics: ['payments.paid'] }),
  ],
});

// The memory transport keeps no groups.
const data = temporaryDirectory();
let made = 0;
afterAll(() => data.remove());

let shop: OperationsApp;
const ask = (who: string, path: string, method = 'GET', body?: object): Promise<Response> =>
  fetch(`${shop.url}/messaging/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${who}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
interface Item {
  readonly topic: string;
  readonly id: string;
  readonly messageId: string;
}
const itemsOf = async (who: string, path: string): Promise<Item[]> =>
  (await jsonOf(await ask(who, path))).items as Item[];
const topicsIn = async (who: string, path: string): Promise<string[]> => [
  ...new Set((await itemsOf(who, path)).map(({ topic }) => topic)),
];

async function boot(authorize: AdminAuthorizer = authorizer): Promise<void> {
  const directory = `${data.path}/${++made}`;
  const options = embeddedOptionsSchema.parse({ directory });
  const main = new EmbeddedTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined });
  shop = await bootOperations(
    { providers: [Billing] },
    { transports: [main] },
    { authorizer: authorize, allowPayload: true },
  );
}
afterEach(closeOperations);

describe('A caller that is limited to topics', () => {
  beforeEach(async () => {
    await boot();
    for (let nth = 0; nth < 3; nth++) {
      await shop.messaging.publish(Placed, {});
      await shop.messaging.publish(Paid, {});
    }
    await eventually(async () => ((await itemsOf('all', '/dead-letters')).length === 6 ? true : undefined));
  });

  it('sees those only, in every list', async () => {
    for (const path of ['/dead-letters', '/dead-letter-groups', '/groups', '/subscriptions']) {
      expect([path, (await topicsIn('all', path)).sort()]).toEqual([
        path,
        ['orders.placed', 'payments.paid'],
      ]);
      expect([path, await topicsIn('orders', path)]).toEqual([path, ['orders.placed']]);
      expect([path, await topicsIn('payments', path)]).toEqual([path, ['payments.paid']]);
    }
    expect(await itemsOf('orders', '/dead-letters?topic=payments.paid')).toEqual([]);
    expect(await itemsOf('orders', '/dead-letter-groups?topic=payments.paid')).toEqual([]);
    expect(await itemsOf('orders', '/groups?topic=payments.paid')).toEqual([]);
    expect((await jsonOf(await ask('orders', '/dead-letters'))).storage).not.toHaveProperty('count');
  });

  it('gets all of its dead letters page by page', async () => {
    const found: string[] = [];
    let cursor = '';
    do {
      const page = await jsonOf(await ask('payments', `/dead-letters?limit=1${cursor}`));
      expect(page.items.length).toBeLessThanOrEqual(1);
      found.push(...(page.items as Item[]).map(({ topic }) => topic));
      cursor = page.page.nextCursor === null ? '' : `&cursor=${page.page.nextCursor}`;
    } while (cursor !== '');
    expect(found).toEqual(['payments.paid', 'payments.paid', 'payments.paid']);
  });

  it('gets for others what it gets for what does not exist, and changes nothing', async () => {
    const [letter] = await itemsOf('payments', '/dead-letters');
    const id = letter?.id ?? '';
    const unknown = '01a00000-0000-7000-8000-000000000000';
    const bare = async (answer: Response): Promise<object> => ({
      ...((await jsonOf(answer)) as object),
      instance: '',
    });
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/payload'],
    ] as const) {
      const answer = await ask('orders', `/dead-letters/${id}${path}`, method);
      const other = await ask('orders', `/dead-letters/${unknown}${path}`, method);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
      expect(JSON.stringify(await bare(answer)).replaceAll(id, unknown)).toBe(
        JSON.stringify(await bare(other)),
      );
    }
    for (const kind of ['replay', 'archive', 'restore', 'discard']) {
      const wanted = (named: string): object => ({ kind, selection: { ids: [named] } });
      const answer = await ask('orders', '/operations', 'POST', wanted(id));
      const other = await ask('orders', '/operations', 'POST', wanted(unknown));
      expect([kind, answer.status]).toEqual([kind, 404]);
      expect(JSON.stringify(await bare(answer)).replaceAll(id, unknown)).toBe(
        JSON.stringify(await bare(other)),
      );
    }
    for (const filter of [{}, { topic: 'payments.paid' }]) {
      const wanted = { kind: 'archive', selection: { filter }, dryRun: true };
      expect((await ask('orders', '/operations', 'POST', wanted)).status).toBe(403);
    }
    const made = await ask('payments', '/operations', 'POST', { kind: 'restore', selection: { ids: [id] } });
    const operation = (await jsonOf(made)) as { id: string };
    expect(made.status).toBe(202);
    expect(await itemsOf('payments', '/operations')).toMatchObject([{ id: operation.id }]);
    expect(await itemsOf('orders', '/operations')).toEqual([]);
    for (const path of ['', '/items'])
      expect((await ask('orders', `/operations/${operation.id}${path}`)).status).toBe(404);
    const cancel = await ask('orders', `/operations/${operation.id}`, 'PATCH', { state: 'cancelled' });
    expect(cancel.status).toBe(404);
    expect((await ask('orders', '/subscriptions/payments.paid/ledger')).status).toBe(404);
    const pause = { paused: true, reason: 'x' };
    expect((await ask('orders', '/subscriptions/payments.paid/ledger', 'PATCH', pause)).status).toBe(404);
    const remove = '/groups?transport=main&topic=payments.paid&group=ledger';
    expect((await ask('orders', remove, 'DELETE')).status).toBe(404);
    expect((await ask('orders', '/subscriptions/orders.placed/billing')).status).toBe(200);
    const message = await jsonOf(await ask('orders', `/messages/${letter?.messageId}?topic=payments.paid`));
    expect(message).toMatchObject({ state: 'unknown', findings: [], groups: [] });
    expect(JSON.stringify(message)).not.toContain('payments');
    expect((await jsonOf(await ask('payments', `/messages/${letter?.messageId}`))).state).toBe('dead-letter');
    expect((await jsonOf(await ask('payments', `/dead-letters/${id}`))).status).toBe('failed');
  });

  it('is denied what concerns the whole process', async () => {
    expect((await ask('orders', '/process/drain', 'POST', { reason: 'x' })).status).toBe(403);
    const order = {
      action: 'release',
      place: 'x',
      to: { topic: 'payments.paid', group: 'ledger' },
      reason: 'x',
    };
    expect((await ask('orders', '/transports/main/actions', 'POST', order)).status).toBe(403);
    expect((await ask('orders', '/nothing')).status).toBe(404);
    expect(await jsonOf(await ask('orders', '/me'))).toMatchObject({ topics: ['orders.*'] });
    expect(await jsonOf(await ask('all', '/me'))).not.toHaveProperty('topics');
  });
});

it('an authorizer that returns an invalid list of topics denies everything', async () => {
  for (const topics of [[], ['a b'], 'orders.placed', null]) {
    await boot(() => ({ subject: 'x', roles: ['admin'], topics: topics as never }));
    expect((await ask('x', '/me')).status).toBe(403);
    await closeOperations();
  }
});

it.each([[[]], [['a b']], [['']], [[7]], ['orders.placed']])(
  'a key with the topics %j is refused at the start',
  (topics) => {
    expect(() => apiKeyAuthorizer({ keys: [key('ana', { topics: topics as never })] })).toThrow(
      /API key "ana" has .*topics/,
    );
  },
);

it('the OpenAPI document says which routes are denied to limited callers', () => {
  const { paths } = openApiDocument(CONTROLLERS, '/messaging') as {
    paths: Record<string, Record<string, { operationId: string; description: string }>>;
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const denied = operations.filter(({ description }) =>
    description.includes('Denied to callers that are limited'),
  );
  const names = denied.map(({ operationId }) => operationId);
  expect(names).toEqual(expect.arrayContaining(['drain-process', 'override-transport']));
  expect(names).not.toContain('list');
});
