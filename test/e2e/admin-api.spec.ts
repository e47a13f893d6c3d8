import { type INestApplication, Injectable, ValidationPipe, VersioningType } from '@nestjs/common';
import { z } from 'zod';
import {
  MessagingAdminModule,
  type MessagingAdminModuleOptions,
} from '../../src/infrastructure/services/admin/index.js';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { documentedFetch as fetch } from '../support/documented-answers.js';
import { eventually } from '../support/demonstration.js';
import {
  authorizer,
  bootOperations,
  closeOperations,
  jsonOf,
  type OperationsApp,
} from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

/** Two groups; billing fails while it is broken. */
class Shop {
  static broken = true;
  static billed: number[] = [];
  static shipped: number[] = [];
}

@Injectable()
class Handlers {
  @MessageHandler(Placed, { group: 'billing', attempts: 1 })
  bill({ n }: { n: number }): void {
    if (Shop.broken) throw new RangeError(`no card for order ${n}`);
    Shop.billed.push(n);
  }

  @MessageHandler(Placed, { group: 'shipping' })
  ship({ n }: { n: number }): void {
    Shop.shipped.push(n);
  }
}

beforeEach(() => {
  Shop.broken = true;
  Shop.billed = [];
  Shop.shipped = [];
});
afterEach(closeOperations);

const API = '/messaging/api/v1';
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const json = (key: string, body: unknown): RequestInit => ({
  method: 'POST',
  headers: { ...as(key), 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

async function withLetters(
  count: number,
  admin?: MessagingAdminModuleOptions,
  prepare?: (app: INestApplication) => void,
): Promise<OperationsApp & { ids: string[] }> {
  const shop = await bootOperations({ providers: [Handlers] }, {}, admin, prepare);
  for (let n = 1; n <= count; n++) {
    await shop.messaging.publish(Placed, { n }, { headers: { 'x-token': 'canary', tenant: 'a' } });
    // One after the other, so that their ids tell the order.
    await eventually(async () => (await shop.store.count({})) === n || undefined);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const { items } = await shop.deadLetters.list({}, { limit: 200 });
  return { ...shop, ids: items.map(({ id }) => id).reverse() };
}

describe('the list of dead letters', () => {
  it('shows what failed, where and why, and no payload', async () => {
    const { url } = await withLetters(1);
    const response = await fetch(`${url}${API}/dead-letters`, { headers: as('viewer') });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const { items, page } = await jsonOf(response);
    expect(page).toEqual({ nextCursor: null, limit: 50 });
    expect(items).toEqual([
      expect.objectContaining({
        status: 'failed',
        topic: 'orders.placed',
        group: 'billing',
        handler: 'Handlers.bill',
        transport: 'main',
        reason: 'handler_error',
        error: { type: 'RangeError', message: 'no card for order 1' },
        attempts: 1,
        replayCount: 0,
        replayable: true,
        deadLetteredAt: expect.stringMatching(/^\d{4}-.*Z$/),
        payload: expect.objectContaining({ bytes: 7, hidden: true }),
      }),
    ]);
    expect(JSON.stringify(items)).not.toContain('canary');
  });

  it('is read page by page, newest first, along cursor and Link', async () => {
    const { url, ids } = await withLetters(5);
    const seen: string[] = [];
    let next = '?limit=2&topic=orders.placed';
    while (next !== '') {
      const response = await fetch(`${url}${API}/dead-letters${next}`, { headers: as('viewer') });
      const { items } = await jsonOf(response);
      seen.push(...(items as { id: string }[]).map(({ id }) => id));
      next = /<(\?[^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
    }
    expect(seen).toEqual([...ids].reverse());
  });

  it('is grouped by what went wrong', async () => {
    const { url } = await withLetters(3);
    const response = await fetch(`${url}${API}/dead-letter-groups`, { headers: as('viewer') });
    const { items } = await jsonOf(response);
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ count: 3, group: 'billing', errorType: 'RangeError' });
  });
});

describe('one dead letter', () => {
  it('is shown with headers, attempts and stack, and secrets masked', async () => {
    const { url, ids } = await withLetters(1);
    const response = await fetch(`${url}${API}/dead-letters/${ids[0]}`, { headers: as('reader') });
    const deadLetter = await jsonOf(response);
    expect(deadLetter).toMatchObject({
      type: 'orders.placed',
      headers: { 'x-token': '***', tenant: 'a' },
      history: [{ attempt: 1, errorType: 'RangeError' }],
      payload: { hidden: true },
    });
    expect(deadLetter.error.stack).toContain('bill');
  });

  it('shows its payload only where the application allows it and the caller may', async () => {
    const { url, ids } = await withLetters(1, { authorizer, allowPayload: true });
    const deadLetter = `${url}${API}/dead-letters/${ids[0]}`;
    const hidden = await jsonOf(await fetch(deadLetter, { headers: as('admin') }));
    expect(hidden.payload.hidden).toBe(true);
    expect((await fetch(`${deadLetter}/payload`, { headers: as('admin') })).status).toBe(403);

    const shown = await jsonOf(await fetch(deadLetter, { headers: as('reader') }));
    expect(shown.payload).toMatchObject({ encoding: 'utf8', preview: '{"n":1}', truncated: false });
    const raw = await fetch(`${deadLetter}/payload`, { headers: as('reader') });
    expect(raw.headers.get('content-type')).toBe('application/octet-stream');
    expect(raw.headers.get('content-disposition')).toMatch(
      /^attachment; filename="dead-letter-[\w-]+\.bin"$/,
    );
    expect(raw.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await raw.text()).toBe('{"n":1}');
  });

  it('keeps its payload where the application does not allow it', async () => {
    const { url, ids } = await withLetters(1);
    const raw = await fetch(`${url}${API}/dead-letters/${ids[0]}/payload`, { headers: as('reader') });
    expect(raw.status).toBe(403);
    expect(await jsonOf(raw)).toMatchObject({ type: 'urn:problem:messaging:payloads-hidden' });
  });
});

/** Makes an operation and waits for its end. */
async function operation(url: string, key: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${API}/operations`, json(key, { waitMs: 10_000, ...body }));
  expect(response.status).toBe(202);
  return (await jsonOf(response)) as Record<string, unknown>;
}

/** What became of the letters of an operation. */
async function itemsOf(url: string, id: unknown): Promise<unknown> {
  const response = await fetch(`${url}${API}/operations/${String(id)}/items`, { headers: as('viewer') });
  return (await jsonOf(response))['items'];
}

describe('a replay', () => {
  it('makes the group that failed handle the message, once, and no other', async () => {
    const { url, ids, store } = await withLetters(1);
    const id = ids[0]!;
    Shop.broken = false;
    const selection = { ids: [id] };
    const made = await operation(url, 'operator', { kind: 'replay', selection, reason: 'INC-1' });
    expect(made).toMatchObject({
      state: 'completed',
      counts: { selected: 1, succeeded: 1 },
      actor: 'operator',
    });
    await eventually(async () => (await store.find(id))?.status === 'resolved' || undefined);
    expect(Shop.billed).toEqual([1]);
    expect(Shop.shipped).toEqual([1]);
    const again = await operation(url, 'operator', { kind: 'replay', selection });
    expect(await itemsOf(url, again['id'])).toEqual([{ id, result: 'skipped', code: 'IS_RESOLVED' }]);
  });

  it('that fails again is the same letter again, and the operation counts it', async () => {
    const { url, ids, store } = await withLetters(1);
    const id = ids[0]!;
    const made = await operation(url, 'operator', { kind: 'replay', selection: { ids: [id] } });
    expect(made).toMatchObject({ state: 'completed', counts: { succeeded: 1, checked: 1, failedAgain: 1 } });
    expect(await store.find(id)).toMatchObject({ status: 'failed', replayCount: 1, attempts: 1 });
    expect(await store.count({})).toBe(1);
  });

  it('of everything that matches is counted first, then sent oldest first at a rate', async () => {
    const { url, store } = await withLetters(4);
    const at = `${url}${API}/operations`;
    const filter = { topic: 'orders.placed', status: 'failed' };
    const wanted = { kind: 'replay', selection: { filter }, maxCount: 3 };
    const dry = await fetch(at, json('operator', { ...wanted, dryRun: true }));
    expect(dry.status).toBe(200);
    expect(await jsonOf(dry)).toMatchObject({
      dryRun: true,
      matching: 4,
      selected: 3,
      complete: true,
      subscriptions: [{ topic: 'orders.placed', group: 'billing', count: 4 }],
      impossible: [],
    });
    expect(Shop.billed).toEqual([]);
    expect((await fetch(at, json('operator', { ...wanted, expectedCount: 5 }))).status).toBe(409);

    Shop.broken = false;
    const began = performance.now();
    const made = await fetch(
      at,
      json('operator', { ...wanted, ratePerSecond: 20, expectedCount: 4, reason: 'INC-2' }),
    );
    expect(made.status).toBe(202);
    const { id } = await jsonOf(made);
    expect(made.headers.get('location')).toBe(`${API}/operations/${String(id)}`);
    expect((await fetch(at, json('operator', wanted))).status).toBe(409);
    const end = await jsonOf(await fetch(`${at}/${String(id)}?waitMs=10000`, { headers: as('viewer') }));
    expect(performance.now() - began).toBeGreaterThan(90);
    expect(end).toMatchObject({ state: 'completed', counts: { done: 3, succeeded: 3, failed: 0 } });
    await eventually(() => Shop.billed.length === 3 || undefined);
    expect(Shop.billed).toEqual([1, 2, 3]);
    expect(await store.count({ status: 'failed' })).toBe(1);
  });

  it('of everything can be changed, paused and cancelled, by one who has read it', async () => {
    const { url } = await withLetters(3);
    const at = `${url}${API}/operations`;
    const made = await fetch(
      at,
      json('operator', { kind: 'replay', selection: { filter: {} }, ratePerSecond: 0.1 }),
    );
    const tag = made.headers.get('etag')!;
    const { id } = await jsonOf(made);
    const order = (body: object, headers = {}): Promise<Response> => {
      const { headers: own, ...rest } = json('operator', body);
      return fetch(`${at}/${String(id)}`, {
        ...rest,
        method: 'PATCH',
        headers: { ...(own as object), ...headers },
      });
    };
    expect(await jsonOf(await order({ ratePerSecond: 0.2 }, { 'if-match': tag }))).toMatchObject({
      ratePerSecond: 0.2,
    });
    expect((await order({ state: 'paused' }, { 'if-match': tag })).status).toBe(412);
    expect(await jsonOf(await order({ state: 'paused' }))).toMatchObject({ state: 'paused' });
    expect((await order({ state: 'cancelled' })).status).toBe(200);
    const end = await jsonOf(await fetch(`${at}/${String(id)}?waitMs=10000`, { headers: as('viewer') }));
    expect(end).toMatchObject({ state: 'cancelled', counts: { selected: 3 } });
    expect((await order({ state: 'running' })).status).toBe(409);
    expect(await jsonOf(await fetch(at, { headers: as('viewer') }))).toMatchObject({
      items: [{ id }],
      scope: 'process',
    });
  });

  it('that is asked for twice with one key is made once', async () => {
    const { url } = await withLetters(1);
    const ask = async (kind: string): Promise<Response> => {
      const { headers, ...rest } = json('operator', { kind, selection: { filter: {} } });
      return fetch(`${url}${API}/operations`, {
        ...rest,
        headers: { ...(headers as object), 'idempotency-key': 'k-1' },
      });
    };
    const [one, two] = [await jsonOf(await ask('replay')), await jsonOf(await ask('replay'))];
    expect(two['id']).toBe(one['id']);
    expect((await ask('archive')).status).toBe(422);
  });
});

describe('setting aside', () => {
  it('archives, restores and discards, and each only in its state', async () => {
    const { url, ids, store } = await withLetters(2);
    const id = ids[0]!;
    const result = async (key: string, kind: string, more = {}): Promise<unknown> => {
      const made = await operation(url, key, { kind, selection: { ids: [id] }, ...more });
      const [item] = (await itemsOf(url, made['id'])) as { code?: string; result: string }[];
      return item?.code ?? item?.result;
    };
    expect(await result('operator', 'restore')).toBe('IS_FAILED');
    expect(await result('operator', 'archive')).toBe('succeeded');
    expect(await result('operator', 'archive')).toBe('IS_ARCHIVED');
    expect(await result('operator', 'restore')).toBe('succeeded');
    expect(await result('admin', 'discard')).toBe('IS_FAILED');
    const selection = { ids: [id] };
    const denied = await fetch(`${url}${API}/operations`, json('operator', { kind: 'discard', selection }));
    expect(denied.status).toBe(403);
    await result('operator', 'archive');
    expect(await result('admin', 'discard')).toBe('succeeded');
    expect(await result('admin', 'discard')).toBe('GONE');
    await operation(url, 'admin', {
      kind: 'discard',
      selection: { ids: [ids[1]] },
      force: true,
      reason: 'junk',
    });
    expect(await store.count({})).toBe(0);
  });
});

describe('the address', () => {
  it('follows the base path and a global prefix, and versions and pipes of the host leave it alone', async () => {
    const admin = { authorizer, basePath: '/ops/messages' };
    const { url } = await withLetters(0, admin, (app) => {
      app.setGlobalPrefix('shop');
      app.useGlobalPipes(
        new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
      );
      app.enableVersioning({ type: VersioningType.URI, defaultVersion: '7' });
    });
    const response = await fetch(`${url}/shop/ops/messages/api/v1/me`, { headers: as('operator') });
    expect(await jsonOf(response)).toEqual({
      subject: 'operator',
      roles: ['operator'],
      permissions: {
        ...{ view: true, replay: true, archive: true, discard: false },
        ...{ readPayload: false, readMaskedPayload: false },
      },
    });
    const list = await fetch(`${url}/shop/ops/messages/api/v1/dead-letters?limit=5&status=failed`, {
      headers: as('viewer'),
    });
    expect(await jsonOf(list)).toMatchObject({
      items: [],
      page: { nextCursor: null, limit: 5 },
      storage: { count: 0, bytes: 0, maxCount: 100_000, problems: [] },
    });
    const malformed = await fetch(`${url}/shop/ops/messages/api/v1/operations`, {
      ...json('operator', {}),
      body: '{',
    });
    expect(malformed.headers.get('content-type')).toContain('application/problem+json');
  });

  it('says how full the store is now', async () => {
    const { url } = await withLetters(3, { authorizer });
    for (const path of ['dead-letters', 'dead-letter-groups']) {
      const found = await jsonOf(await fetch(`${url}${API}/${path}`, { headers: as('viewer') }));
      expect(found).toMatchObject({ storage: { count: 3 } });
    }
  });

  it('does not exist without an authorizer', async () => {
    const { url } = await withLetters(0, {});
    const response = await globalThis.fetch(`${url}${API}/dead-letters`, { headers: as('admin') });
    expect(response.status).toBe(404);
  });

  it('refuses to be unguarded in production', () => {
    expect(() => MessagingAdminModule.forRoot({ authorizer: 'unguarded', production: true })).toThrow(
      /unguarded/,
    );
  });
});
