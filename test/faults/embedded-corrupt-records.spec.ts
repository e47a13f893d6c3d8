import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  type MessagingView,
} from '../../src/core/messaging/index.js';
import { TransportEventRelay } from '../../src/core/messaging/observing/transport-event-relay.js';
import type { NewDeadLetter } from '../../src/core/messaging/ports/dead-letter-store.js';
import { HealthModule } from '../../src/exports/health.js';
import { MetricsModule } from '../../src/exports/metrics.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { EmbeddedIdempotencyStore } from '../../src/infrastructure/services/embedded/embedded-idempotency.store.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootOperations, closeOperations } from '../support/operations-app.js';
import { read } from '../support/scraped.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { newTransport } from './embedded-process.js';

const data = temporaryDirectory();
afterEach(closeOperations);
afterAll(() => data.remove());

/** Turns a bit of each place in the data file that `found` names; the file keeps copies of pages that it no longer uses. */
function damage(
  directory: string,
  text: string,
  found: (file: Buffer, at: number) => number | undefined,
): void {
  const path = join(directory, 'data.mdb');
  const file = readFileSync(path);
  let turned = 0;
  for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1)) {
    const place = found(file, at);
    if (place === undefined) continue;
    file[place] = (file[place] ?? 0) ^ 1;
    turned += 1;
  }
  expect(turned).toBeGreaterThan(0);
  writeFileSync(path, file);
}

const inText = (_: Buffer, at: number): number => at;

const deadLetter = (nth: number): NewDeadLetter => ({
  id: `0190a000-0000-7000-8000-00000000000${nth}`,
  topic: 'orders.placed',
  group: 'billing',
  handler: 'Billing.charge',
  transport: 'local',
  messageId: `m-${nth}`,
  reason: 'handler_error',
  error: { type: 'Error', message: `failure-of-${nth}`, stack: `stack-of-${nth}` },
  fingerprint: 'f',
  attempts: 5,
  history: [{ attempt: 1, at: 1, errorType: 'Error' }],
  firstFailedAt: 1,
  deadLetteredAt: 1_000 + nth,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(`body-of-${nth}`),
});

describe('a store of dead letters with a record that is not as it was written', () => {
  const opened = async (directory: string): Promise<EmbeddedDeadLetterStore> => {
    const store = new EmbeddedDeadLetterStore({ directory });
    await store.connect();
    return store;
  };
  const filled = async (name: string): Promise<string> => {
    const directory = join(data.path, name);
    const store = await opened(directory);
    for (const nth of [1, 2, 3]) await store.add(deadLetter(nth));
    await store.close();
    return directory;
  };

  it.each<[string, string, object]>([
    ['summary', 'failure-of-2', { reason: 'corrupt', topic: 'orders.placed', group: 'billing' }],
    ['message', 'body-of-2', { reason: 'corrupt', messageId: 'm-2', headers: {} }],
    ['history', 'stack-of-2', { reason: 'handler_error', messageId: 'm-2', history: [] }],
  ])('keeps the letter when its %s is damaged, and reports it', async (what, text, expected) => {
    const directory = await filled(what);
    damage(directory, text, inText);
    const store = await opened(directory);
    const { items } = await store.list({}, { limit: 10 });
    const ids = [3, 2, 1].map((nth) => deadLetter(nth).id);
    expect(items.map(({ id }) => id)).toEqual(ids);
    expect(await store.find(ids[1]!)).toMatchObject(expected);
    for (const nth of [1, 3]) expect(await store.find(deadLetter(nth).id)).toMatchObject(deadLetter(nth));
    expect(await store.count({})).toBe(3);
    expect(store.problems()).toMatchObject([{ code: 'record_corrupt' }]);
    expect(await store.discard(ids[1]!)).toBe(true);
    expect(await store.count({})).toBe(2);
    await store.close();
  });
});

it('a handled message whose record is damaged counts as not handled, and is reported', async () => {
  const directory = join(data.path, 'idempotency');
  const opened = async (): Promise<EmbeddedIdempotencyStore> => {
    const store = new EmbeddedIdempotencyStore({ directory });
    await store.connect();
    return store;
  };
  const first = await opened();
  for (const key of ['order-1', 'order-2']) {
    const claim = await first.begin(key, 10_000);
    if (claim.kind === 'fresh') await first.complete(key, claim.token, 3_600_000);
  }
  await first.close();
  // A record of lmdb: length of the key (2), key, value.
  const key = 'porder-1';
  damage(directory, key, (file, at) =>
    file.readUInt16LE(at - 2) === key.length ? at + key.length + 8 : undefined,
  );
  const store = await opened();
  expect((await store.begin('order-2', 10_000)).kind).toBe('done');
  expect((await store.begin('order-1', 10_000)).kind).toBe('fresh');
  expect(store.problems()).toMatchObject([{ code: 'record_corrupt' }]);
  await store.close();
});

const Placed = defineMessage('orders.placed', z.object({ id: z.string() }));

it('shows damaged records as a dead letter, in health and in metrics', async () => {
  const directory = join(data.path, 'application');
  const handled: string[] = [];
  @Injectable()
  class Billing {
    @MessageHandler(Placed, { group: 'billing' })
    charge({ id }: { readonly id: string }): void {
      handled.push(id);
    }
  }
  const earlier = newTransport(directory);
  await earlier.connect();
  const consumer = await earlier.consume(
    { topic: 'orders.placed', group: 'billing', concurrency: 1, ordering: 'none' },
    () => Promise.resolve({ kind: 'retry', delayMs: 0 }),
  );
  await consumer.stop();
  for (const id of ['good-1', 'bad-2', 'good-3'])
    await earlier.publish(
      { topic: 'orders.placed' },
      [{ id, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ id })) }],
      { deadlineMs: 10_000 },
    );
  await earlier.close();
  damage(directory, '{"id":"bad-2"}', (_, at) => at + 8);

  const relay = new TransportEventRelay();
  const { app, url, store } = await bootOperations(
    {
      providers: [Billing],
      imports: [HealthModule.forRoot({ showDetails: 'always' }), MetricsModule.forRoot()],
    },
    { transports: [newTransport(directory, relay.listenerFor('parent'))], transportEvents: relay },
  );
  await waitUntil('the others are handled', async () => handled.length === 2);
  expect(handled.sort()).toEqual(['good-1', 'good-3']);
  await waitUntil('it is kept', async () => (await store.count({})) === 1);
  const { items } = await store.list({}, { limit: 10 });
  expect(items).toMatchObject([{ reason: 'corrupt', topic: 'orders.placed', group: 'billing' }]);
  const problems = app.get<MessagingView>(MESSAGING_VIEW).problems();
  expect(problems).toMatchObject([{ code: 'record_corrupt' }]);
  expect(problems[0]!.detail).toContain('npx switchyard embedded check');
  const health = await (await fetch(`${url}/health`)).text();
  expect(health).toContain('record_corrupt');
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(
    read(metrics, 'messaging_problems_total', { transport: 'parent', code: 'record_corrupt' }),
  ).toBeGreaterThan(0);
});
