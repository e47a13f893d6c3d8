import { readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { z } from 'zod';
import { defineMessage, MessageHandler } from '../../src/core/messaging/index.js';
import { MetricsModule, type MetricsModuleOptions } from '../../src/exports/metrics.js';
import { eventually } from '../support/demonstration.js';
import { bootOperations, closeOperations } from '../support/operations-app.js';
import { metricNames, read } from '../support/scraped.js';

const Placed = defineMessage('orders.placed', z.object({ n: z.number() }));
const Unheard = defineMessage('orders.unheard', z.object({}));

class Fault {
  static broken = false;
}

@Injectable()
class Billing {
  @MessageHandler(Placed, {
    group: 'billing',
    attempts: 2,
    backoff: { type: 'fixed', delayMs: 10, jitter: false },
  })
  charge(): void {
    if (Fault.broken) throw new RangeError('no card');
  }
}

beforeEach(() => {
  Fault.broken = false;
});
afterEach(closeOperations);

const boot = (options: MetricsModuleOptions = {}) =>
  bootOperations({ providers: [Billing], imports: [MetricsModule.forRoot(options)] });
const scrape = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

describe('the metrics of an application', () => {
  it('are there, at zero, before the first message', async () => {
    const { url } = await boot();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain;.*\bversion=0\.0\.4\b/);
    const text = await response.text();
    const labels = { topic: 'orders.placed', group: 'billing' };
    for (const name of [
      'messaging_client_consumed_messages_total',
      'messaging_retries_total',
      'messaging_redeliveries_total',
      'messaging_duplicates_suppressed_total',
      'messaging_process_active',
      'messaging_delivery_latency_seconds_count',
      'messaging_consumer_lag_messages',
      'messaging_consumer_pending_messages',
      'messaging_consumer_delayed_messages',
      'messaging_consumer_oldest_message_age_seconds',
      'messaging_dead_letter_messages',
      'messaging_dead_letter_oldest_age_seconds',
    ]) {
      expect([name, read(text, name, labels)]).toEqual([name, 0]);
    }
    expect(read(text, 'messaging_consumers', labels)).toBe(1);
    expect(read(text, 'messaging_transport_up', { transport: 'main', system: 'memory' })).toBe(1);
    expect(read(text, 'messaging_build_info', { node: process.versions.node })).toBe(1);
    expect(metricNames(text)).toEqual(expect.arrayContaining(['nodejs_eventloop_lag_seconds']));
  });

  it('say what happened to messages', async () => {
    const { url, messaging, store } = await boot({ defaultMetrics: false });
    await messaging.publish(Placed, { n: 1 });
    await eventually(
      async () =>
        read(await scrape(url), 'messaging_process_duration_seconds_count', { outcome: 'ok' }) || undefined,
    );
    Fault.broken = true;
    await messaging.publish(Placed, { n: 2 });
    await messaging.publish(Unheard, {});
    await expect(messaging.publish(Placed, { n: 'x' as unknown as number })).rejects.toThrow();
    await eventually(async () => (await store.count({})) || undefined);
    const text = await eventually(async () => {
      const now = await scrape(url);
      return read(now, 'messaging_dead_lettered_messages_total', { reason: 'handler_error' }) === 1
        ? now
        : undefined;
    });
    const sent = 'messaging_client_sent_messages_total';
    expect(read(text, sent, { topic: 'orders.placed', outcome: 'ok', transport: 'main' })).toBe(2);
    expect(read(text, sent, { topic: 'orders.placed', outcome: 'rejected' })).toBe(1);
    expect(read(text, 'messaging_validation_failures_total', { direction: 'publish' })).toBe(1);
    expect(read(text, 'messaging_client_consumed_messages_total', { group: 'billing' })).toBe(3);
    expect(read(text, 'messaging_retries_total', {})).toBe(1);
    expect(read(text, 'messaging_redeliveries_total', {})).toBe(1);
    expect(
      read(text, 'messaging_process_failures_total', { error_type: 'RangeError', disposition: 'retry' }),
    ).toBe(1);
    expect(read(text, 'messaging_process_failures_total', { disposition: 'dead_letter' })).toBe(1);
    expect(read(text, 'messaging_last_success_timestamp_seconds', {})).toBeCloseTo(Date.now() / 1000, -2);
    expect(metricNames(text)).not.toEqual(expect.arrayContaining(['nodejs_eventloop_lag_seconds']));
  });

  it('say what happened to dead letters', async () => {
    Fault.broken = true;
    const { url, messaging, store, deadLetters } = await boot();
    await messaging.publish(Placed, { n: 1 });
    const { id } = await eventually(async () => (await store.list({}, { limit: 1 })).items[0]);
    Fault.broken = false;
    await deadLetters.replay(id, { actor: 'test' });
    await expect(deadLetters.archive(id, { actor: 'test' })).rejects.toThrow();
    await eventually(async () => (await store.find(id))?.status === 'resolved' || undefined);
    const text = await eventually(async () => {
      const now = await scrape(url);
      return read(now, 'messaging_dead_letter_replay_outcomes_total', { outcome: 'resolved' }) === 1
        ? now
        : undefined;
    });
    const operations = 'messaging_dead_letter_operation_messages_total';
    expect(read(text, operations, { operation: 'replay', outcome: 'succeeded' })).toBe(1);
    expect(read(text, operations, { operation: 'archive', outcome: 'failed' })).toBe(1);
    expect(read(text, 'messaging_admin_actions_total', { action: 'replay', outcome: 'succeeded' })).toBe(1);
    expect(read(text, 'messaging_dead_letter_messages', { status: 'resolved', group: 'billing' })).toBe(1);
  });

  it('are answered in time, without the figures of a store that is silent', async () => {
    const { url, store } = await boot();
    store.stats = () => new Promise(() => undefined);
    const began = performance.now();
    const text = await scrape(url);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(metricNames(text)).not.toContain('messaging_dead_letter_messages');
    expect(metricNames(text)).toContain('messaging_retries_total');
  });

  it('join the registry of the host, and leave serving to it, if it likes', async () => {
    const registry = new Registry();
    new Counter({ name: 'shop_orders_total', help: 'x', registers: [registry] });
    const { url } = await boot({ registry, path: false });
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    expect(metricNames(await registry.metrics())).toEqual(
      expect.arrayContaining(['shop_orders_total', 'messaging_retries_total']),
    );
  });

  it('leave the registry of the host with its application, for the next one', async () => {
    const registry = new Registry();
    const first = await boot({ registry, path: false });
    await expect(boot({ registry, path: false })).rejects.toThrow(
      'Give each application a registry of its own, or a prefix.',
    );
    await first.app.close();
    expect(metricNames(await registry.metrics())).not.toContain('messaging_retries_total');
    await boot({ registry, path: false });
    expect(metricNames(await registry.metrics())).toContain('messaging_retries_total');
  });

  it('of the process are not collected twice', async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    await boot({ registry, path: false });
    expect((await registry.metrics()).match(/^process_cpu_user_seconds_total /gm)).toHaveLength(1);
  });

  it('can be served elsewhere', async () => {
    const { url } = await boot({ path: '/internal/metrics' });
    expect((await fetch(`${url}/internal/metrics`)).status).toBe(200);
  });

  it('are the ones that the documentation lists', async () => {
    const { url } = await boot();
    const text = await scrape(url);
    const exported = [...text.matchAll(/^# TYPE (messaging_\w+) (\w+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    const rows = readFileSync('docs/operating/operations.md', 'utf8').matchAll(
      /^\| (`messaging_.*?) +\| (\w+) +\|/gm,
    );
    const listed = [...rows].flatMap(([, names = '', type]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => `${name} ${type}`),
    );
    expect(listed.sort()).toEqual(exported.sort());
  });
});
