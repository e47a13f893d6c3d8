import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import {
  type AuditEntry,
  type AuditSink,
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  type MessagingView,
  OperationsService,
  systemClock,
} from '../../src/core/messaging/index.js';
import type { DeadLetterSummary } from '../../src/core/messaging/ports/dead-letter-store.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { deadLetter } from '../support/dead-letter-desk.js';
import { eventually } from '../support/demonstration.js';
import { memoryTransport } from '../support/messaging-app.js';
import {
  authorizer,
  bootOperations,
  closeOperations,
  jsonOf,
  type OperationsApp,
} from '../support/operations-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeOperations();
  for (const { remove } of directories.splice(0)) remove();
});

const directories: ReturnType<typeof temporaryDirectory>[] = [];
const API = '/messaging/api/v1';
/** So much faster that a sink that hangs is given up after 100 ms. */
const hasty = {
  ...systemClock,
  schedule: (ms: number, run: () => void) => systemClock.schedule(ms / 50, run),
};
const contextOf = (name: string) => ({ name, clock: systemClock, onEvent: () => undefined });

const Booked = defineMessage('orders.booked', z.object({ n: z.number() }));

@Injectable()
class Ledger {
  @MessageHandler(Booked, { group: 'ledger' })
  book(): void {
    // Being there is enough.
  }
}

interface Desk extends OperationsApp {
  readonly failed: string;
  readonly archived: string;
  /** One that has not ended, for the route that changes it. */
  operation: string;
  readonly state: () => Promise<unknown>;
}

/** Everything that the routes below can change, and what it looks like. */
async function bootDesk(auditSink: AuditSink | undefined): Promise<Desk> {
  const directory = temporaryDirectory();
  directories.push(directory);
  const options = embeddedOptionsSchema.parse({ directory: directory.path });
  const main = new EmbeddedTransport(options, contextOf('main'));
  const both = new FailoverTransport(
    [memoryTransport('a'), memoryTransport('b')],
    failoverOptionsSchema.parse({}),
    contextOf('both'),
  );
  const shop = await bootOperations(
    { providers: [Ledger] },
    { transports: [main, both], clock: hasty, ...(auditSink && { auditSink }) },
    { authorizer, allowPayload: true },
  );
  const forgotten = { topic: 'orders.placed', group: 'billing', concurrency: 1, ordering: 'none' } as const;
  await (await main.consume(forgotten, () => Promise.resolve({ kind: 'ack' }))).stop();
  const failed = await shop.deadLetters.park(deadLetter(1, Date.now() - 2));
  const archived = await shop.deadLetters.park(deadLetter(2, Date.now() - 1));
  await shop.store.transition(archived, ['failed'], 'archived');
  const operations = shop.app.get(OperationsService);
  const view = shop.app.get<MessagingView>(MESSAGING_VIEW);
  const ledger = (): unknown => view.subscriptions().map(({ to, state: now }) => [to.group, now]);
  await eventually(() => JSON.stringify(ledger()).includes('running') || undefined);
  const state = async (): Promise<unknown> => ({
    letters: (await shop.store.list({}, { limit: 9 })).items.map(({ id, status, revision }) => [
      id,
      status,
      revision,
    ]),
    groups: (await main.groups('orders.placed')).map(({ group }) => group),
    both: both.state(),
    operations: (await operations.list()).map(({ id, tag }) => [id, tag]),
    ledger: ledger(),
  });
  return { ...shop, failed, archived, operation: 'none', state };
}

/** How each route that changes something is called so that it does. */
const CHANGES: Readonly<Record<string, (desk: Desk) => { readonly path: string; readonly body?: object }>> = {
  'POST /operations': ({ archived }) => ({
    path: '/operations',
    body: { kind: 'discard', selection: { ids: [archived] }, waitMs: 5_000 },
  }),
  'PATCH /operations/:id': ({ operation }) => ({
    path: `/operations/${operation}`,
    body: { state: 'cancelled' },
  }),
  'DELETE /groups': () => ({ path: '/groups?transport=main&topic=orders.placed&group=billing' }),
  'PATCH /subscriptions/:topic/:group': () => ({
    path: '/subscriptions/orders.booked/ledger',
    body: { paused: true, reason: 'test' },
  }),
  'POST /process/drain': () => ({ path: '/process/drain', body: { reason: 'test' } }),
  'POST /transports/:name/actions': () => ({
    path: '/transports/both/actions',
    body: { action: 'use', member: 'b', reason: 'test' },
  }),
};

async function call(desk: Desk, route: string): Promise<Response> {
  const { path, body } = (CHANGES[route] as (typeof CHANGES)[string])(desk);
  return fetch(`${desk.url}${API}${path}`, {
    method: route.split(' ', 1)[0] ?? '',
    headers: { 'x-api-key': 'admin', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** A change of an operation needs one that takes longer than the test. */
async function prepare(desk: Desk, route: string): Promise<void> {
  if (route !== 'PATCH /operations/:id') return;
  for (let n = 3; n < 200; n++)
    await desk.deadLetters.park({ ...deadLetter(n, Date.now() - 1), topic: 'orders.other' });
  const selection = { filter: { topic: 'orders.other' } };
  const operations = desk.app.get(OperationsService);
  const { id } = await operations.create({ kind: 'replay', selection, ratePerSecond: 0.1, actor: 'ann' });
  desk.operation = id;
  await eventually(async () => (await operations.find(id)).counts.done > 0 || undefined);
}

const SINKS: Readonly<Record<string, AuditSink>> = {
  throws: () => {
    throw new Error('canary.example:9200');
  },
  rejects: () => Promise.reject(Object.assign(new Error('canary'), { code: 'ECONNREFUSED' })),
  hangs: () => new Promise(() => undefined),
};

describe('the audit log', () => {
  it('is tested with every route that can change something', async () => {
    const { app } = await bootDesk(undefined);
    const { router } = app.getHttpAdapter().getInstance() as {
      router: { stack: { route?: { path: string; methods: Record<string, boolean> } }[] };
    };
    const changing = router.stack.flatMap(({ route }) =>
      route?.path.startsWith(API) === true && !route.path.includes(':segment')
        ? Object.keys(route.methods)
            .filter((method) => !['get', 'head'].includes(method))
            .map((method) => `${method.toUpperCase()} ${route.path.slice(API.length)}`)
        : [],
    );
    expect(changing.sort()).toEqual(Object.keys(CHANGES).sort());
  });

  const cases = Object.keys(CHANGES).flatMap((route) => Object.keys(SINKS).map((sink) => [route, sink]));
  it.each(cases)('prevents %s when its sink %s', async (route, sink) => {
    let isBroken = false;
    const desk = await bootDesk((...entry) => (isBroken ? SINKS[sink]?.(...entry) : undefined));
    await prepare(desk, route);
    isBroken = true;
    const before = await desk.state();
    const response = await call(desk, route);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      503,
      expect.stringContaining('application/problem+json'),
    ]);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      type: 'urn:problem:messaging:audit-unavailable',
      detail: expect.stringContaining('was not done'),
    });
    expect(text).not.toContain('canary');
    expect(await desk.state()).toEqual(before);
    isBroken = false;
    expect((await call(desk, route)).ok).toBe(true);
    const was = JSON.stringify(before);
    await eventually(async () => JSON.stringify(await desk.state()) !== was || undefined);
  });

  it.each(Object.keys(CHANGES))(
    'has an entry before %s changes anything, and one after it',
    async (route) => {
      const entries: [AuditEntry, before: boolean][] = [];
      const unchanged = { state: '' };
      const desk: Desk = await bootDesk(async (entry) => {
        entries.push([entry, JSON.stringify(await desk.state()) === unchanged.state]);
      });
      await prepare(desk, route);
      entries.length = 0;
      unchanged.state = JSON.stringify(await desk.state());
      expect((await call(desk, route)).ok).toBe(true);
      expect(entries.slice(0, 1)).toEqual([
        [expect.objectContaining({ outcome: 'started', actor: 'admin' }), true],
      ]);
      expect(entries.map(([{ outcome }]) => outcome)).toContain('succeeded');
    },
  );

  it('shows no payload whose reading it cannot record', async () => {
    const desk = await bootDesk(SINKS['throws']);
    for (const path of ['', '/payload']) {
      const target = `${desk.url}${API}/dead-letters/${desk.failed}${path}`;
      const response = await fetch(target, { headers: { 'x-api-key': 'reader' } });
      expect(await jsonOf(response)).toMatchObject({
        status: 503,
        type: 'urn:problem:messaging:audit-unavailable',
      });
    }
  });

  it('that fails leaves a denial a denial', async () => {
    const desk = await bootDesk(SINKS['throws']);
    const target = `${desk.url}${API}/operations/${desk.operation}`;
    const as = (key: string) => ({ method: 'PATCH', headers: { 'x-api-key': key } });
    expect((await fetch(target, as('viewer'))).status).toBe(403);
    expect((await fetch(target, as('wrong'))).status).toBe(401);
  });

  it('is the log by default, and a logger that throws prevents the change as well', async () => {
    const desk = await bootDesk(undefined);
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => {
      throw new Error('disk full');
    });
    const before: readonly DeadLetterSummary[] = (await desk.store.list({}, { limit: 9 })).items;
    expect((await call(desk, 'POST /operations')).status).toBe(503);
    expect((await desk.store.list({}, { limit: 9 })).items).toEqual(before);
  });
});

it('answers what was done when only the outcome cannot be recorded, and logs that', async () => {
  const errors: unknown[] = [];
  jest.spyOn(Logger.prototype, 'error').mockImplementation((line: unknown) => void errors.push(line));
  const desk = await bootDesk(({ outcome }) => {
    if (outcome !== 'started') throw new Error('canary');
  });
  expect((await call(desk, 'POST /operations')).status).toBe(202);
  expect(await desk.store.find(desk.archived)).toBeUndefined();
  expect(errors).toEqual(['The audit log did not take "discard-operation succeeded" (Error).']);
});
