import { Injectable } from '@nestjs/common';
import { IsString } from 'class-validator';
import { z } from 'zod';
import {
  defineMessage,
  defineRequest,
  dtoSchema,
  MessageHandler,
  RequestHandler,
} from '../../src/core/messaging/index.js';
import { documentedFetch } from '../support/documented-answers.js';
import { memoryTransport } from '../support/messaging-app.js';
import { bootOperations, closeOperations, jsonOf, type OperationsApp } from '../support/operations-app.js';

const Placed = defineMessage(
  'orders.placed',
  z.object({ n: z.number().transform(String), at: z.date().optional() }),
  { key: () => 'k', ordering: 'strict', aliases: ['orders.created'] },
);
const Quote = defineRequest('price.quote', z.object({ sku: z.string() }), z.object({ cents: z.int() }));

class Note {
  @IsString()
  text = '';
}
const Noted = defineMessage('notes.noted', dtoSchema(Note));
const Huge = defineMessage(
  'huge.thing',
  z.object(Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`property${n}`, z.string()]))),
);
const broken = z.string();
Object.defineProperty(broken['~standard'], 'jsonSchema', {
  value: {
    input: () => {
      throw new Error('no');
    },
  },
});
const Broken = defineMessage('broken.thing', broken);

@Injectable()
class Handlers {
  @MessageHandler(Placed, { group: 'billing', ordering: 'key', concurrency: 3, attempts: 1 })
  bill({ n }: { n: string }): void {
    if (n === '0') throw new RangeError('no card');
  }

  @RequestHandler(Quote)
  quote(): { cents: number } {
    return { cents: 1 };
  }
}

afterEach(closeOperations);

const boot = (main = memoryTransport('main')): Promise<OperationsApp> =>
  bootOperations({ providers: [Handlers] }, { transports: [main], messages: [Noted, Huge, Broken] });

async function read({ url }: OperationsApp, path: string, status = 200): ReturnType<typeof jsonOf> {
  const response = await documentedFetch(`${url}/messaging/api/v1/topics${path}`, {
    headers: { authorization: 'Bearer viewer' },
  });
  expect(response.status).toBe(status);
  return jsonOf(response);
}

it('lists message types with their JSON schema, or why there is none', async () => {
  const shop = await boot();
  await shop.messaging.publish(defineMessage('other.thing', z.unknown()), 1);
  const { items } = await read(shop, '');
  const byName = Object.fromEntries((items as { topic: string }[]).map((item) => [item.topic, item]));
  expect(Object.keys(byName)).toEqual([
    ...['broken.thing', 'huge.thing', 'notes.noted', 'orders.created', 'orders.placed', 'other.thing'],
    'price.quote',
  ]);
  expect(byName['orders.placed']).toMatchObject({
    ...{ kind: 'message', aliases: ['orders.created'], hasKey: true, ordering: 'strict', transport: 'main' },
    schema: { type: 'object', properties: { n: { type: 'number' }, at: {} }, required: ['n'] },
    handlers: [
      {
        ...{ handler: 'Handlers.bill', group: 'billing', transport: 'main', ordering: 'key' },
        ...{ concurrency: 3, state: 'running' },
      },
    ],
    traffic: { scope: 'process', published: 0, handled: 0 },
  });
  expect(byName['orders.created']).toMatchObject({ aliasOf: 'orders.placed', handlers: [{}] });
  expect(byName['price.quote']).toMatchObject({
    kind: 'request',
    schema: { properties: { sku: { type: 'string' } } },
    replySchema: { properties: { cents: { type: 'integer' } } },
  });
  expect(byName['notes.noted']).toMatchObject({ schemaMissing: 'unsupported' });
  expect(byName['huge.thing']).toMatchObject({ schemaMissing: 'too-large' });
  expect(byName['broken.thing']).toMatchObject({ schemaMissing: 'failed' });
  expect(byName['other.thing']).toMatchObject({
    ...{ kind: 'untyped', schemaMissing: 'untyped', handlers: [] },
    traffic: { published: 1, lastPublishedAt: expect.any(String) },
  });
});

it('pages through them', async () => {
  const shop = await boot();
  const seen: string[] = [];
  for (let cursor: string | null | undefined = undefined; cursor !== null;) {
    const { items, page } = await read(shop, `?limit=4${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    seen.push(...(items as { topic: string }[]).map(({ topic }) => topic));
    cursor = page.nextCursor as string | null;
  }
  expect(seen).toEqual([...new Set(seen)].sort());
  expect(seen).toHaveLength(6);
  await read(shop, '?cursor=forged', 400);
  await read(shop, '?limit=201', 422);
  await read(shop, '?limit=x', 400);
  await read(shop, '?other=1', 400);
  await read(shop, '/orders.gone', 404);
});

it('shows groups on brokers and dead letters of one, and names what does not answer', async () => {
  const main = memoryTransport('main');
  const shop = await boot(main);
  await shop.messaging.publish(Placed, { n: 0 }, { key: 'k' });
  await shop.messaging.publish(Placed, { n: 1 }, { key: 'k' });
  while ((await shop.store.count({})) === 0) await new Promise(setImmediate);
  expect(await read(shop, '/orders.placed')).toMatchObject({
    topic: 'orders.placed',
    unanswered: [],
    deadLetters: { total: 1, pending: 1 },
    traffic: { published: 2, failed: 1 },
  });
  const never = (): Promise<never> => new Promise(() => undefined);
  Object.assign(main, { groups: never, removeGroup: never });
  shop.store.stats = never;
  const began = performance.now();
  expect(await read(shop, '/orders.placed')).toMatchObject({
    groups: [],
    unanswered: ['main'],
    deadLetters: { errorCode: 'DEADLINE_EXCEEDED' },
  });
  expect(performance.now() - began).toBeLessThan(4_000);
});

it('a caller that is limited to some topics sees those, and no figures of the whole process', async () => {
  const shop = await bootOperations(
    { providers: [Handlers] },
    { messages: [Noted] },
    { authorizer: () => ({ subject: 'ana', roles: ['admin'], topics: ['orders.*'] }) },
  );
  const { items } = await read(shop, '');
  expect((items as { topic: string }[]).map(({ topic }) => topic)).toEqual([
    'orders.created',
    'orders.placed',
  ]);
  await read(shop, '/orders.placed');
  await read(shop, '/price.quote', 404);
  for (const path of ['overview', 'audit'])
    expect((await documentedFetch(`${shop.url}/messaging/api/v1/${path}`)).status).toBe(403);
});
