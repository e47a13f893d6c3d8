import { request as httpRequest } from 'node:http';
import { Injectable, type INestApplication } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import {
  defineMessage,
  DeadLetterService,
  MessageHandler,
  MessagingModule,
  MessagingService,
} from '../../src/core/messaging/index.js';
import { MessagingAdminModule } from '../../src/infrastructure/services/admin/index.js';
import { EventService } from '../../src/infrastructure/services/admin/events/event.service.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { memoryTransport } from '../support/messaging-app.js';
import { documentedFetch } from '../support/documented-answers.js';
import { authorizer, jsonOf } from '../support/operations-app.js';

const Placed = defineMessage('orders.placed', z.object({ card: z.string() }));

class DatabaseDown extends Error {}

@Injectable()
class Billing {
  @MessageHandler(Placed, {
    group: 'billing',
    attempts: 1,
    killSwitch: { after: 1, errors: [DatabaseDown], probeEveryMs: 60_000 },
  })
  charge({ card }: { card: string }): void {
    if (card === 'down') throw new DatabaseDown('refused');
    throw new RangeError(`no card ${card}`);
  }
}

let app: INestApplication | undefined;
const watching: (() => void)[] = [];
afterEach(async () => {
  for (const stop of watching.splice(0)) stop();
  await app?.close();
  app = undefined;
});

async function boot(framework: 'Express' | 'Fastify'): Promise<{ app: INestApplication; api: string }> {
  const module = await Test.createTestingModule({
    providers: [Billing],
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: new MemoryDeadLetterStore(),
      }),
      MessagingAdminModule.forRoot({ authorizer }),
    ],
  }).compile();
  app =
    framework === 'Fastify'
      ? module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false })
      : module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, api: `${await app.getUrl()}/messaging/api/v1` };
}

interface Seen {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Watch {
  readonly text: () => string;
  readonly events: () => readonly Seen[];
  readonly isOver: () => boolean;
  readonly headers: Headers;
  stop(): void;
}

async function watch(api: string, key = 'viewer', lastId?: string): Promise<Watch> {
  const abort = new AbortController();
  watching.push(() => abort.abort());
  const response = await fetch(`${api}/events`, {
    headers: { authorization: `Bearer ${key}`, ...(lastId !== undefined && { 'last-event-id': lastId }) },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  let [text, isOver] = ['', false];
  void (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) text += decoder.decode(chunk);
    } catch {
      // stopped by the test
    }
    isOver = true;
  })();
  await waitUntil(
    'it is welcomed',
    async () => /event: (ready|missed|dead-letter)/.test(text) || lastId !== undefined,
  );
  return {
    text: () => text,
    events: () =>
      text
        .split('\n\n')
        .filter((block) => block.includes('event:'))
        .map(seenOf),
    isOver: () => isOver,
    headers: response.headers,
    stop: () => abort.abort(),
  };
}

function seenOf(block: string): Seen {
  const fields = Object.fromEntries(
    block.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
  return { ...fields, ...(fields['data'] && { data: JSON.parse(fields['data']) as Seen['data'] }) } as Seen;
}

const change = (api: string, method: string, path: string, body: object): Promise<Response> =>
  fetch(`${api}${path}`, {
    method,
    headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe.each(['Express', 'Fastify'] as const)('On %s', (framework) => {
  it('watchers receive what happens, without payloads, and the audit only as admins', async () => {
    const shop = await boot(framework);
    const [viewer, admin] = [await watch(shop.api), await watch(shop.api, 'admin')];
    expect(viewer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(viewer.headers.get('cache-control')).toContain('no-transform');
    expect(viewer.headers.get('x-content-type-options')).toBe('nosniff');
    const messaging = shop.app.get(MessagingService);
    await messaging.publish(Placed, { card: '4111-1111' });
    await waitUntil('it has failed', async () => admin.text().includes('"failed"'));
    const id = (await shop.app.get(DeadLetterService).list({}, { limit: 1 })).items[0]?.id;
    const selection = { ids: [id] };
    await change(shop.api, 'POST', '/operations', { kind: 'archive', selection, waitMs: 10_000 });
    await change(shop.api, 'PATCH', '/subscriptions/orders.placed/billing', {
      paused: true,
      reason: 'INC-4',
    });
    await change(shop.api, 'PATCH', '/subscriptions/orders.placed/billing', { paused: false, reason: 'ok' });
    await messaging.publish(Placed, { card: 'down' });
    await waitUntil(
      'all is seen',
      async () => /kill-switch/.test(viewer.text()) && /kill-switch/.test(admin.text()),
    );
    const place = { topic: 'orders.placed', group: 'billing' };
    expect(viewer.events().map(({ event, data }) => ({ event, data }))).toEqual([
      { event: 'hello', data: { scope: 'process' } },
      { event: 'ready', data: {} },
      { event: 'dead-letter', data: { at: expect.any(String), change: 'failed', id, ...place } },
      { event: 'dead-letter', data: { at: expect.any(String), change: 'archived', id, ...place } },
      {
        event: 'subscription',
        data: {
          ...{ at: expect.any(String), change: 'paused', ...place, reason: 'INC-4', by: 'admin' },
          until: expect.any(String),
        },
      },
      { event: 'subscription', data: { at: expect.any(String), change: 'resumed', ...place } },
      {
        event: 'kill-switch',
        data: expect.objectContaining({ change: 'opened', errorType: 'DatabaseDown' }),
      },
    ]);
    expect(admin.events().filter(({ event }) => event === 'audit')).toMatchObject([
      { data: { action: 'archive-operation', outcome: 'succeeded', actor: 'admin' } },
      { data: { action: 'pause-subscription', target: 'orders.placed/billing' } },
      { data: { action: 'resume-subscription' } },
    ]);
    expect(admin.text()).not.toContain('4111');
  });

  it('a watcher that comes back continues after its last event, or is informed that it missed some', async () => {
    const shop = await boot(framework);
    const first = await watch(shop.api);
    const ready = first.events().at(-1)?.id;
    first.stop();
    await shop.app.get(MessagingService).publish(Placed, { card: 'x' });
    await waitUntil(
      'it has failed',
      async () => (await shop.app.get(DeadLetterService).list({}, { limit: 1 })).items.length === 1,
    );
    const second = await watch(shop.api, 'viewer', ready);
    await waitUntil('it continues', async () => second.text().includes('"failed"'));
    expect(second.text()).not.toContain('missed');
    for (const forged of ['0123456789ab.7', `${ready?.split('.')[0]}.99`, 'x', '%0A']) {
      const other = await watch(shop.api, 'viewer', forged);
      await waitUntil('it is informed', async () => other.text().includes('"failed"'));
      expect(other.events()).toContainEqual(
        expect.objectContaining({ event: 'missed', data: { reason: 'other-process' } }),
      );
    }
  });

  it('streams end with the application, also to a watcher that reads nothing', async () => {
    const shop = await boot(framework);
    const watcher = await watch(shop.api);
    const deaf = httpRequest(`${shop.api}/events`, { headers: { authorization: 'Bearer viewer' } });
    deaf.on('response', (response) => response.pause()).on('error', () => undefined);
    deaf.end();
    await new Promise((resolve) => deaf.once('response', resolve));
    const began = performance.now();
    await shop.app.close();
    expect(performance.now() - began).toBeLessThan(4_000);
    await waitUntil('it is over', async () => watcher.isOver());
    expect(watcher.events().at(-1)).toEqual({ event: 'closed', data: { reason: 'shutdown' } });
    deaf.destroy();
  });

  it('a HEAD has no stream, and a caller without a key none either', async () => {
    const { api } = await boot(framework);
    const headers = { authorization: 'Bearer viewer' };
    const head = await fetch(`${api}/events`, { method: 'HEAD', headers });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const unknown = await fetch(`${api}/events`);
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([
      401,
      expect.stringContaining('application/problem+json'),
    ]);
  });
});

it('a reader that is too slow is cut off, and the others receive everything', async () => {
  const shop = await boot('Express');
  const fast = await watch(shop.api);
  const slow = httpRequest(`${shop.api}/events`, { headers: { authorization: 'Bearer viewer' } });
  slow.on('error', () => undefined).end();
  const response = await new Promise<NodeJS.ReadableStream>((resolve) => slow.once('response', resolve));
  response.on('error', () => undefined).pause();
  const { feed } = shop.app.get(EventService, { strict: false });
  expect(feed.watchers).toBe(2);
  const padding = Array.from({ length: 40 }, () => 'x'.repeat(250));
  let published = 0;
  for (; feed.watchers === 2 && published < 5_000; published += 10) {
    for (let n = 0; n < 10; n++) feed.publish({ type: 'test', data: { padding } });
    await waitUntil(
      'the fast one has it',
      async () => fast.text().split('event: test').length > published + 10,
    );
  }
  expect(feed.watchers).toBe(1);
  expect(published).toBeGreaterThan(100);
  expect(fast.isOver()).toBe(false);
}, 60_000);

it('no more than 200 watch at a time', async () => {
  const shop = await boot('Express');
  const { feed } = shop.app.get(EventService, { strict: false });
  const leave: (() => void)[] = [];
  for (let n = 0; n < 200; n++)
    feed.watch(
      {
        write: (_, written) => written(),
        end: () => undefined,
        destroy: () => undefined,
        onClose: (closed) => void leave.push(closed),
      },
      { isAdmin: false },
    );
  const refused = await documentedFetch(`${shop.api}/events`, {
    headers: { authorization: 'Bearer viewer' },
  });
  expect([refused.status, await jsonOf(refused)]).toMatchObject([
    503,
    { type: 'urn:problem:messaging:too-many-watchers' },
  ]);
  leave[0]?.();
  await watch(shop.api);
});
