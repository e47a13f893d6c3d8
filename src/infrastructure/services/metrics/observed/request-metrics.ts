import { type Destination, exportCounter, exportGauge, exportHistogram } from '../series/exported.js';
import type { MessagingMetrics } from './messaging-metrics.js';

/** Adds the metrics of the requests that this process sends. */
export function exportRequestMetrics(into: Destination, { requests }: MessagingMetrics): void {
  exportHistogram(
    into,
    {
      name: 'messaging_request_duration_seconds',
      help: 'Time from a request to its end: replied, failed (the reply is a failure), timeout, rejected (not sent, or given up).',
      labelNames: ['topic', 'outcome'],
    },
    function* () {
      for (const [topic, byOutcome] of requests.durations)
        for (const [outcome, histogram] of byOutcome) yield { labels: { topic, outcome }, histogram };
    },
  );
  exportCounter(
    into,
    {
      name: 'messaging_request_failures_total',
      help: 'Requests without a result, by the code of the error.',
      labelNames: ['topic', 'error_type'],
    },
    function* () {
      for (const [topic, error_type, value] of requests.failures.entries())
        yield { labels: { topic, error_type }, value };
    },
  );
  exportGauge(
    into,
    {
      name: 'messaging_requests_in_flight',
      help: 'Requests of this process that wait for their reply.',
      labelNames: ['topic'],
    },
    function* () {
      for (const [topic, , value] of requests.inFlight.entries()) yield { labels: { topic }, value };
    },
  );
  exportCounter(
    into,
    {
      name: 'messaging_replies_dropped_total',
      help: 'Replies without a request that waits: late (after the deadline, or a second one) or unreadable.',
      labelNames: ['transport', 'reason'],
    },
    function* () {
      for (const [transport, reason, value] of requests.droppedReplies.entries())
        yield { labels: { transport, reason }, value };
    },
  );
}
