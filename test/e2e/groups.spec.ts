import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MetricsModule } from '../../src/infrastructure/services/metrics/metrics.module.js';
import { DEGRADED } from '../support/degraded.js';
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
const PLACED = { transport: 'main', topic: 'orders.placed' };

@Injectable()
class Billing {
  @MessageHandler(Placed, { group: 'billing' })
  charge(): void {
    // Being there is enough.
  }
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-groups-'));
});
afterEach(async () => {
  await closeOperations();
  rmSync(directory, { recursive: true, force: true });
});

/** An application whose topic has a second group, which once consumed and which nothing names any more. */
async function withForgottenGroup(): Promise<OperationsApp & { transport: EmbeddedTransport }> {
  const options = embeddedOptionsSchema.parse({ directory });
  const transport = new EmbeddedTransport(options, {
    name: 'main',
    clock: systemClock,
    onEvent: () => undefined,
  });
  const shop = await bootOperations(
    {
      providers: [Billing],
      imports: [
        HealthModule.forRoot({ authorizer, cacheMs: 0, forgottenGroupAfterMs: 0 }),
        MetricsModule.forRoot(),
      ],
    },
    { transports: [transport] },
  );
  const subscription = { topic: 'orders.placed', group: 'audit', concurrency: 1, ordering: 'none' } as const;
  await (await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }))).stop();
  await shop.messaging.publish(Placed, { n: 1 });
  return { ...shop, transport };
}

/** The full report of a caller who may see it. */
interface HealthBody {
  readonly status: string;
  readonly info: Readonly<Record<string, unknown>>;
}

const as = (key: string): RequestInit => ({ headers: { authorization: `Bearer ${key}` } });
const where = (about: object): string => new URLSearchParams({ ...about }).toString();

async function remove(url: string, about: object, key = 'admin'): Promise<Response> {
  return fetch(`${url}/messaging/api/v1/groups?${where(about)}`, { method: 'DELETE', ...as(key) });
}

describe('a group without consumers', () => {
  it('is reported by health and metrics with its backlog', async () => {
    const { url } = await withForgottenGroup();
    const body = await eventually(async () => {
      const found = (await jsonOf(await fetch(`${url}/health`, as('viewer')))) as HealthBody;
      return found.status === 'degraded' ? found : undefined;
    });
    expect(body.info['messaging-groups']).toEqual({
      ...DEGRADED,
      count: 1,
      forgotten: ['orders.placed/audit on main: 1 messages'],
    });
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain(
      'messaging_forgotten_group_messages{transport="main",topic="orders.placed",group="audit"} 1',
    );
    expect(metrics).not.toMatch(/messaging_forgotten_group_messages\{.*billing/);
    expect(metrics).toMatch(/messaging_transport_last_success_timestamp_seconds\{.*\} \d{10}/);
  });

  it('is listed and, on request of an administrator, removed permanently', async () => {
    const { url, transport } = await withForgottenGroup();
    const listed = await fetch(`${url}/messaging/api/v1/groups`, as('viewer'));
    expect(listed.status).toBe(200);
    const { items } = await jsonOf(listed);
    expect(items).toHaveLength(2);
    expect(items).toContainEqual(
      expect.objectContaining({ ...PLACED, group: 'audit', isConsumed: false, ready: 1 }),
    );
    expect(items).toContainEqual(expect.objectContaining({ ...PLACED, group: 'billing', isConsumed: true }));
    expect((await remove(url, { ...PLACED, group: 'audit' }, 'operator')).status).toBe(403);
    expect((await remove(url, { ...PLACED, group: 'audit', reason: 'gone since May' })).status).toBe(204);
    expect((await transport.groups('orders.placed')).map(({ group }) => group)).toEqual(['billing']);
    expect((await remove(url, { ...PLACED, group: 'audit' })).status).toBe(404);
  });

  it('is not removed while it consumes, where there is no such transport, or when a parameter is missing', async () => {
    const { url } = await withForgottenGroup();
    expect((await remove(url, { ...PLACED, group: 'billing' })).status).toBe(409);
    expect((await remove(url, { ...PLACED, transport: 'other', group: 'audit' })).status).toBe(404);
    expect((await remove(url, { topic: 'orders.placed', group: 'audit' })).status).toBe(400);
    expect((await remove(url, { ...PLACED, group: 'audit', all: 'true' })).status).toBe(400);
    expect((await remove(url, { ...PLACED, group: 'audit and others' })).status).toBe(422);
    const list = (topic: string) => fetch(`${url}/messaging/api/v1/groups?${where({ topic })}`, as('viewer'));
    expect((await list('orders..placed')).status).toBe(422);
    expect((await list('orders\n')).status).toBe(400);
  });
});
