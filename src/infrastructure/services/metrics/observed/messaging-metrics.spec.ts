import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { metricNames, read } from '../../../../../test/support/scraped.js';
import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import { FixedHistogram } from '../series/fixed-histogram.js';
import { exportHandlerMetrics } from './handler-metrics.js';
import { MessagingMetrics } from './messaging-metrics.js';
import { exportPublishMetrics } from './publish-metrics.js';
import { VERSION } from './version.js';

const to = { topic: 'orders.placed', group: 'billing', handler: 'Billing.charge' };
const about = { to, transport: 'main', messageId: 'm', attempt: 1, replayed: false };

function observed(): { metrics: MessagingMetrics; scrape: () => Promise<string> } {
  const metrics = new MessagingMetrics();
  const registry = new Registry();
  exportHandlerMetrics({ registry, prefix: '' }, metrics, () => 'memory');
  exportPublishMetrics({ registry, prefix: '' }, metrics, () => 'memory');
  return { metrics, scrape: () => registry.metrics() };
}

describe('the metrics', () => {
  it('begin at zero for every declared handler and topic', async () => {
    const { metrics, scrape } = observed();
    metrics.declareHandler(to, 'main');
    metrics.published.declare('orders.placed', 'main');
    const text = await scrape();
    expect(
      read(text, 'messaging_client_consumed_messages_total', { group: 'billing', system: 'memory' }),
    ).toBe(0);
    expect(read(text, 'messaging_process_duration_seconds_count', { outcome: 'error' })).toBe(0);
    for (const reason of ['handler_error', 'timeout', 'expired'])
      expect(read(text, 'messaging_dead_lettered_messages_total', { reason })).toBe(0);
    expect(read(text, 'messaging_client_sent_messages_total', { outcome: 'ok' })).toBe(0);
    expect(metricNames(text)).toEqual(
      expect.arrayContaining(['messaging_retries_total', 'messaging_redeliveries_total']),
    );
  });

  it('count what transports report about their brokers', async () => {
    const { metrics, scrape } = observed();
    const place = { topic: 'orders.placed', group: 'billing' };
    const report = (event: TransportEvent) => metrics.on({ type: 'transport', transport: 'main', event });
    report({ type: 'unread-removed', ...place, count: 3, reason: 'trimmed' });
    report({ type: 'unread-removed', ...place, count: 2, reason: 'trimmed' });
    report({ type: 'headers-ignored', ...place, count: 4 });
    report({ type: 'problem', problem: { code: 'queue_deleted', ...place, detail: 'It was deleted.' } });
    report({ type: 'problem-solved', problem: { code: 'queue_deleted', ...place, detail: '' } });
    const text = await scrape();
    const labels = { transport: 'main', ...place };
    expect(read(text, 'messaging_removed_messages_total', { ...labels, reason: 'trimmed' })).toBe(5);
    expect(read(text, 'messaging_ignored_headers_total', labels)).toBe(4);
    expect(read(text, 'messaging_problems_total', { transport: 'main', code: 'queue_deleted' })).toBe(1);
  });

  it('count a delivery by its outcome', async () => {
    const { metrics, scrape } = observed();
    metrics.on({ type: 'delivered', to, transport: 'main', messageId: 'm', attempt: 1 });
    metrics.on({ type: 'handled', ...about, durationMs: 30, latencyMs: 700 });
    metrics.on({ type: 'delivered', to, transport: 'main', messageId: 'm', attempt: 2 });
    const error = new TypeError('x');
    metrics.on({
      type: 'failed',
      ...about,
      durationMs: 9,
      disposition: 'retry',
      reason: 'handler_error',
      error,
    });
    metrics.on({
      type: 'failed',
      ...about,
      replayed: true,
      disposition: 'dead_letter',
      reason: 'timeout',
      error,
    });
    metrics.on({ type: 'duplicate-suppressed', to, messageId: 'm' });
    const text = await scrape();
    expect(read(text, 'messaging_client_consumed_messages_total', {})).toBe(2);
    expect(read(text, 'messaging_redeliveries_total', {})).toBe(1);
    expect(read(text, 'messaging_retries_total', {})).toBe(1);
    expect(read(text, 'messaging_duplicates_suppressed_total', {})).toBe(1);
    expect(read(text, 'messaging_process_duration_seconds_bucket', { outcome: 'ok', le: '0.025' })).toBe(0);
    expect(read(text, 'messaging_process_duration_seconds_bucket', { outcome: 'ok', le: '0.05' })).toBe(1);
    expect(read(text, 'messaging_process_duration_seconds_bucket', { outcome: 'ok', le: '+Inf' })).toBe(1);
    expect(read(text, 'messaging_process_duration_seconds_sum', { outcome: 'ok' })).toBeCloseTo(0.03);
    expect(read(text, 'messaging_delivery_latency_seconds_bucket', { le: '1' })).toBe(1);
    const failures = { error_type: 'TypeError', disposition: 'retry', handler: 'Billing.charge' };
    expect(read(text, 'messaging_process_failures_total', failures)).toBe(1);
    expect(read(text, 'messaging_dead_lettered_messages_total', { reason: 'timeout' })).toBe(1);
    expect(read(text, 'messaging_dead_letter_replay_outcomes_total', { outcome: 'failed_again' })).toBe(1);
  });

  it('count publishes by outcome', async () => {
    const { metrics, scrape } = observed();
    const sent = { type: 'published', topic: 't', transport: 'main', durationMs: 2 } as const;
    metrics.on({ ...sent, outcome: 'accepted', count: 3 });
    metrics.on({ ...sent, outcome: 'unavailable', count: 2, errorCode: 'ECONNREFUSED' });
    metrics.on({ type: 'publish-rejected', topic: 't', errorCode: 'PAYLOAD_INVALID' });
    const text = await scrape();
    const name = 'messaging_client_sent_messages_total';
    expect(read(text, name, { outcome: 'ok', error_type: '' })).toBe(3);
    expect(read(text, name, { outcome: 'error', error_type: 'ECONNREFUSED' })).toBe(2);
    expect(read(text, name, { outcome: 'rejected', transport: 'none' })).toBe(1);
    expect(read(text, 'messaging_validation_failures_total', { direction: 'publish' })).toBe(1);
    expect(read(text, 'messaging_client_operation_duration_seconds_count', { outcome: 'ok' })).toBe(1);
  });

  it('limit label values, and count the overflow', async () => {
    const { metrics, scrape } = observed();
    for (let n = 0; n < 10_000; n++) {
      metrics.on({
        type: 'delivered',
        to: { ...to, topic: `t${n}` },
        transport: 'main',
        messageId: 'm',
        attempt: 1,
      });
      metrics.on({ type: 'publish-rejected', topic: `t${n}`, errorCode: `E${n}` });
    }
    const text = await scrape();
    expect(
      text.split('\n').filter((line) => line.startsWith('messaging_client_consumed_messages_total')).length,
    ).toBe(201);
    expect(
      text.split('\n').filter((line) => line.startsWith('messaging_client_sent_messages_total')).length,
    ).toBeLessThan(500);
    expect(read(text, 'messaging_client_consumed_messages_total', { topic: '__other__' })).toBe(9_800);
    const overflow = 'messaging_metrics_label_overflow_total';
    expect(read(text, overflow, { metric: 'messaging_process_duration_seconds' })).toBe(9_800);
    expect(read(text, overflow, { metric: 'messaging_client_sent_messages_total' })).toBe(9_800);
  });

  it('name the version of the package', () => {
    expect(VERSION).toBe((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
  });
});

describe('a histogram', () => {
  it('counts a value on its bound as below it', () => {
    const histogram = new FixedHistogram([1, 2]);
    for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value);
    expect([...histogram.counts]).toEqual([2, 2, 1]);
    expect(histogram.sum).toBe(7.5);
  });
});
