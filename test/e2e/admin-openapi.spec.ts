import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { documentedFetch, documentedOperations, seenAnswers } from '../support/documented-answers.js';
import { eventually } from '../support/demonstration.js';
import { authorizer, bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing', attempts: 1 })
  bill({ n }: { n: number }): void {
    throw new RangeError(`no card for order ${n}`);
  }
}

afterEach(closeOperations);

/** What a public validator says. It is an ES module, which Jest does not load on every version of Node. */
async function validated(document: object): Promise<string> {
  const { path, remove } = temporaryDirectory();
  const file = join(path, 'openapi.json');
  await writeFile(file, JSON.stringify(document));
  const cli = 'node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js';
  try {
    return (await promisify(execFile)(process.execPath, [cli, file], { timeout: 60_000 })).stdout;
  } finally {
    remove();
  }
}

it('describes what every route answers, and is served to viewers only', async () => {
  const shop = await bootOperations({ providers: [Billing] }, {}, { authorizer, allowPayload: true });
  const ids: string[] = [];
  for (let n = 1; n <= 4; n++) await shop.messaging.publish(Placed, { n }, { key: `k-${n}` });
  await eventually(async () => (await shop.store.count({})) === 4 || undefined);
  for (const { id } of (await shop.deadLetters.list({}, { limit: 9 })).items) ids.push(id);
  const api = `${shop.url}/messaging/api/v1`;
  const call = (method: string, path: string, key: string, body?: object) =>
    documentedFetch(`${api}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });

  const served = await call('GET', '/openapi.json', 'viewer');
  const document = await jsonOf(served);
  expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/messaging' }] });
  expect(await validated(document)).toContain('"valid": true');
  expect((await documentedFetch(`${api}/openapi.json`)).status).toBe(401);
  await call('GET', '/me', 'viewer');
  await call('GET', '/dead-letters?limit=2', 'viewer');
  await call('GET', '/dead-letters?limit=0', 'viewer');
  await call('GET', '/dead-letters?from=yesterday', 'viewer');
  await call('GET', '/dead-letter-groups', 'viewer');
  await call('GET', `/dead-letters/${ids[0]}`, 'viewer');
  await call('GET', `/dead-letters/${ids[0]}`, 'reader');
  await call('GET', '/dead-letters/unknown', 'viewer');
  await call('GET', `/dead-letters/${ids[0]}/payload`, 'reader');
  const one = { ids: [ids[0]] };
  await call('POST', '/operations', 'operator', {
    kind: 'archive',
    selection: one,
    reason: 'INC-1',
    waitMs: 5_000,
  });
  await call('POST', '/operations', 'viewer', { kind: 'archive', selection: one });
  await call('POST', '/operations', 'operator', {});
  await call('POST', '/operations', 'operator', { kind: 'discard', selection: one });
  await call('POST', '/operations', 'admin', { kind: 'discard', selection: one, force: true, waitMs: 5_000 });
  await call('POST', '/operations', 'operator', { kind: 'replay', selection: { filter: {} }, dryRun: true });
  const made = await call('POST', '/operations', 'operator', {
    kind: 'replay',
    selection: { filter: {} },
    ratePerSecond: 1,
    reason: 'INC-2',
  });
  const at = `/operations/${String((await jsonOf(made))['id'])}`;
  await call('POST', '/operations', 'operator', { kind: 'replay', selection: { filter: {} } });
  await call('GET', '/operations', 'viewer');
  await call('GET', at, 'viewer');
  await call('GET', `${at}/items`, 'viewer');
  await call('PATCH', at, 'operator', { state: 'cancelled' });
  await call('PATCH', at, 'operator', { colour: 'red' });
  await call('GET', `/messages/${ids[2]}`, 'viewer');
  await call('GET', '/messages/m-1?topic=orders.placed', 'viewer');
  await call('GET', '/overview', 'viewer');
  await (await call('GET', '/events', 'viewer')).body?.cancel();
  await call('GET', '/topics', 'viewer');
  await call('GET', '/topics/orders.placed', 'viewer');
  await call('GET', '/groups', 'viewer');
  await call('DELETE', '/groups?transport=main&topic=orders.placed&group=gone', 'admin');
  await call('GET', '/transports', 'viewer');
  await call('GET', '/transports/main', 'viewer');
  const order = { action: 'use', member: 'other', reason: 'INC-3' };
  await call('POST', '/transports/main/actions', 'admin', order);

  await call('GET', '/subscriptions', 'viewer');
  await call('GET', '/subscriptions/orders.placed/billing', 'viewer');
  const pause = { paused: true, forMs: 60_000, reason: 'INC-4' };
  await call('PATCH', '/subscriptions/orders.placed/billing', 'operator', pause);
  await call('PATCH', '/subscriptions/orders.placed/billing', 'operator', {});
  await call('GET', '/subscriptions', 'viewer');
  await call('POST', '/process/drain', 'admin', { reason: 'INC-5' });
  await call('GET', '/audit', 'admin');
  await call('GET', '/audit?outcome=denied', 'admin');

  const operations = [...seenAnswers].map((each) => each.split(' ')[0]);
  expect(documentedOperations.filter((each) => !operations.includes(each))).toEqual([]);
  expect([...seenAnswers]).toEqual(
    expect.arrayContaining([
      'list 400',
      'list 422',
      'read 404',
      'create-operation 409',
      'create-operation 202',
    ]),
  );
});
