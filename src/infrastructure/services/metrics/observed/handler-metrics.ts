import {
  type Destination,
  exportCounter,
  exportGauge,
  exportHistogram,
  type Labels,
  type Sample,
} from '../series/exported.js';
import type { HandlerSeries } from '../series/handler-series.js';
import type { MessagingMetrics } from './messaging-metrics.js';

const HANDLER = ['topic', 'group', 'handler'] as const;

/** Adds the metrics of handlers. `systemOf` returns the kind of broker of a transport. */
export function exportHandlerMetrics(
  into: Destination,
  metrics: MessagingMetrics,
  systemOf: (transport: string) => string,
): void {
  const each = function* <T>(read: (series: HandlerSeries) => Iterable<T>): Generator<T> {
    for (const series of metrics.handlers.all()) yield* read(series);
  };

  exportCounter(
    into,
    {
      name: 'messaging_client_consumed_messages_total',
      help: 'Deliveries to handlers.',
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
    into,
    {
      name: 'messaging_process_duration_seconds',
      help: 'Duration of handlers.',
      labelNames: [...HANDLER, 'outcome'],
    },
    () =>
      each((series) => [
        { labels: { ...handlerOf(series), outcome: 'ok' }, histogram: series.succeeded },
        { labels: { ...handlerOf(series), outcome: 'error' }, histogram: series.failed },
      ]),
  );
  exportHistogram(
    into,
    {
      name: 'messaging_delivery_latency_seconds',
      help: 'Time from publish until handled, by the clocks of both machines.',
      labelNames: ['topic', 'group'],
    },
    () => each((series) => [{ labels: groupOf(series), histogram: series.latency }]),
  );
  exportCounter(
    into,
    {
      name: 'messaging_process_failures_total',
      help: 'Failed attempts by disposition.',
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
    into,
    {
      name: 'messaging_dead_lettered_messages_total',
      help: 'Messages that became dead letters.',
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
    into,
    {
      name: 'messaging_postponed_messages_total',
      help: 'Deliveries without a result, which come back as the same attempt: abandoned, claimed by a copy, a store was unavailable, or what the handler depends on.',
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
    into,
    {
      name: 'messaging_requests_dropped_total',
      help: 'Requests without a reply: expired (the asker has stopped waiting), unaddressed (no request at all), unreachable (the reply could not be sent).',
      labelNames: [...HANDLER, 'reason'],
    },
    () =>
      each(function* (series) {
        for (const [reason, , value] of series.droppedRequests.entries()) {
          yield { labels: { ...handlerOf(series), reason }, value };
        }
      }),
  );
  exportCounter(
    into,
    {
      name: 'messaging_dead_letter_replay_outcomes_total',
      help: 'Replayed messages by outcome.',
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
    into,
    {
      name: 'messaging_last_success_timestamp_seconds',
      help: 'Time of the last handled message; absent before the first.',
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
    exportCounter(into, { name, help, labelNames }, () =>
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
    help: 'Scheduled retries.',
    labelNames: HANDLER,
    value: (series: HandlerSeries) => series.retries,
  },
  {
    name: 'messaging_redeliveries_total',
    help: 'Deliveries with an attempt above 1: retries, and redeliveries after a crash. Over time, the difference to messaging_retries_total is the number of the latter.',
    labelNames: HANDLER,
    value: (series: HandlerSeries) => series.redeliveries,
  },
  {
    name: 'messaging_duplicates_suppressed_total',
    help: 'Deliveries of messages that the group had already handled.',
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
