import type { Registry } from 'prom-client';
import { exportCounter, exportGauge, exportHistogram, type Labels, type Sample } from '../series/exported.js';
import type { HandlerSeries } from '../series/handler-series.js';
import type { MessagingMetrics } from './messaging-metrics.js';

const HANDLER = ['topic', 'group', 'handler'] as const;

/** Adds what is counted about handlers. `systemOf` says what kind of broker a transport is. */
export function exportHandlerMetrics(
  registry: Registry,
  metrics: MessagingMetrics,
  systemOf: (transport: string) => string,
): void {
  const each = function* <T>(read: (series: HandlerSeries) => Iterable<T>): Generator<T> {
    for (const series of metrics.handlers.all()) yield* read(series);
  };

  exportCounter(
    registry,
    {
      name: 'messaging_client_consumed_messages_total',
      help: 'Deliveries, once each.',
      labelNames: ['transport', 'system', 'topic', 'group'],
    },
    () =>
      each(function* (series) {
        for (const [transport, { count: value }] of series.consumedByTransport) {
          yield { labels: { transport, system: systemOf(transport), ...groupOf(series) }, value };
        }
      }),
  );
  exportHistogram(
    registry,
    {
      name: 'messaging_process_duration_seconds',
      help: 'Time that handlers took.',
      labelNames: [...HANDLER, 'outcome'],
    },
    () =>
      each((series) => [
        { labels: { ...handlerOf(series), outcome: 'ok' }, histogram: series.succeeded },
        { labels: { ...handlerOf(series), outcome: 'error' }, histogram: series.failed },
      ]),
  );
  exportHistogram(
    registry,
    {
      name: 'messaging_delivery_latency_seconds',
      help: 'Time from publish to handled, by the clocks of both machines.',
      labelNames: ['topic', 'group'],
    },
    () => each((series) => [{ labels: groupOf(series), histogram: series.latency }]),
  );
  exportCounter(
    registry,
    {
      name: 'messaging_process_failures_total',
      help: 'Failed attempts and what came of them.',
      labelNames: [...HANDLER, 'error_type', 'disposition'],
    },
    () =>
      each(function* (series) {
        for (const [error_type, disposition, value] of series.failures.entries()) {
          yield { labels: { ...handlerOf(series), error_type, disposition }, value };
        }
      }),
  );
  exportCounter(
    registry,
    {
      name: 'messaging_dead_lettered_messages_total',
      help: 'Messages that were given up.',
      labelNames: [...HANDLER, 'reason'],
    },
    () =>
      each(function* (series) {
        for (const [reason, , value] of series.deadLettered.entries()) {
          yield { labels: { ...handlerOf(series), reason }, value };
        }
      }),
  );
  exportCounter(
    registry,
    {
      name: 'messaging_postponed_messages_total',
      help: 'Deliveries without a result, which come back as the same attempt: abandoned, claimed by a copy, or a store was unavailable.',
      labelNames: [...HANDLER, 'reason'],
    },
    () =>
      each(function* (series) {
        for (const [reason, , value] of series.postponed.entries()) {
          yield { labels: { ...handlerOf(series), reason }, value };
        }
      }),
  );
  exportCounter(
    registry,
    {
      name: 'messaging_dead_letter_replay_outcomes_total',
      help: 'What became of replayed messages.',
      labelNames: ['topic', 'group', 'outcome'],
    },
    () =>
      each(function* (series) {
        for (const [outcome, , value] of series.replays.entries()) {
          yield { labels: { ...groupOf(series), outcome }, value };
        }
      }),
  );
  exportGauge(
    registry,
    {
      name: 'messaging_last_success_timestamp_seconds',
      help: 'When a message was last handled; absent before the first.',
      labelNames: ['topic', 'group'],
    },
    () => {
      metrics.stampSuccesses();
      return each((series) =>
        series.lastSuccessAt === 0 ? [] : [{ labels: groupOf(series), value: series.lastSuccessAt / 1000 }],
      );
    },
  );
  for (const { name, help, labelNames, value } of PLAIN) {
    exportCounter(registry, { name, help, labelNames }, () =>
      each((series): Sample[] => {
        const labels = labelNames.length === 3 ? handlerOf(series) : groupOf(series);
        return [{ labels, value: value(series) }];
      }),
    );
  }
}

const PLAIN = [
  {
    name: 'messaging_retries_total',
    help: 'Retries that were scheduled.',
    labelNames: HANDLER,
    value: (series: HandlerSeries) => series.retries,
  },
  {
    name: 'messaging_redeliveries_total',
    help: 'Deliveries with an attempt number above 1: retries that came due, and messages whose process died. What exceeds messaging_retries_total in the long run is the latter.',
    labelNames: HANDLER,
    value: (series: HandlerSeries) => series.redeliveries,
  },
  {
    name: 'messaging_duplicates_suppressed_total',
    help: 'Deliveries of messages that had been handled before.',
    labelNames: ['topic', 'group'],
    value: (series: HandlerSeries) => series.duplicates,
  },
] as const;

function handlerOf({ identity: { topic, group, handler } }: HandlerSeries): Labels {
  return { topic, group, handler };
}

function groupOf({ identity: { topic, group } }: HandlerSeries): Labels {
  return { topic, group };
}
