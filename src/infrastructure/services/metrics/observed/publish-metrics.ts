import {
  type Destination,
  exportCounter,
  exportGauge,
  exportHistogram,
  type Sample,
} from '../series/exported.js';
import type { Counts } from '../series/counts.js';
import type { MessagingMetrics } from './messaging-metrics.js';
import { VERSION } from './version.js';

/** Adds the metrics of publishing, connections, stores and operators. */
export function exportPublishMetrics(
  into: Destination,
  metrics: MessagingMetrics,
  systemOf: (transport: string) => string,
): void {
  exportCounter(
    into,
    {
      name: 'messaging_client_sent_messages_total',
      help: 'Published messages by outcome: ok, spooled, error (unavailable or unknown) and rejected.',
      labelNames: ['transport', 'system', 'topic', 'outcome', 'error_type'],
    },
    function* () {
      for (const [topic, byTransport] of metrics.published.sent) {
        for (const [transport, counts] of byTransport) {
          const where = { transport, system: systemOf(transport), topic };
          for (const [outcome, error_type, value] of counts.entries()) {
            yield { labels: { ...where, outcome, error_type }, value };
          }
        }
      }
    },
  );
  exportHistogram(
    into,
    {
      name: 'messaging_client_operation_duration_seconds',
      help: 'Duration of calls of a transport.',
      labelNames: ['transport', 'operation', 'outcome'],
    },
    function* () {
      for (const [transport, byOutcome] of metrics.published.durations) {
        for (const [outcome, histogram] of byOutcome) {
          yield { labels: { transport, operation: 'publish', outcome }, histogram };
        }
      }
    },
  );
  exportCounter(
    into,
    {
      name: 'messaging_validation_failures_total',
      help: 'Payloads that did not match the schema of their message type, on publish or on arrival.',
      labelNames: ['direction', 'topic'],
    },
    function* () {
      const arrived = new Map<string, number>();
      for (const { identity, invalid } of metrics.handlers.all()) {
        arrived.set(identity.topic, (arrived.get(identity.topic) ?? 0) + invalid);
      }
      for (const [topic, value] of arrived) yield { labels: { direction: 'process', topic }, value };
      for (const [topic, , value] of metrics.published.invalid.entries()) {
        yield { labels: { direction: 'publish', topic }, value };
      }
    },
  );
  const counters: readonly [
    name: string,
    help: string,
    labelNames: readonly [string, string?],
    counts: Counts,
  ][] = [
    [
      'messaging_transport_connection_events_total',
      'Connection events of transports.',
      ['transport', 'event'],
      metrics.connectionEvents,
    ],
    [
      'messaging_dead_letter_operation_messages_total',
      'Operations on dead letters (replay, archive, restore, discard) by outcome.',
      ['operation', 'outcome'],
      metrics.deadLetterOperations,
    ],
    [
      'messaging_dead_letters_removed_total',
      'Dead letters that a limit of the store has removed, by the status that they had; the messages of failed ones are lost.',
      ['status', 'cause'],
      metrics.deadLettersRemoved,
    ],
    [
      'messaging_admin_actions_total',
      'Actions of the admin API by outcome.',
      ['action', 'outcome'],
      metrics.adminActions,
    ],
    [
      'messaging_audit_missed_total',
      'Actions that the list of actions misses because the control store did not take them.',
      ['action'],
      metrics.auditMissed,
    ],
    ['messaging_store_failures_total', 'Failed calls of a store.', ['store'], metrics.storeFailures],
    [
      'messaging_metrics_label_overflow_total',
      'Events whose label value exceeded the limit and became __other__.',
      ['metric'],
      metrics.limits.overflows,
    ],
  ];
  for (const [name, help, [first, second], counts] of counters) {
    const labelNames = second === undefined ? [first] : [first, second];
    exportCounter(into, { name, help, labelNames }, function* (): Generator<Sample> {
      for (const [one, two, value] of counts.entries()) {
        yield { labels: { [first]: one, ...(second !== undefined && { [second]: two }) }, value };
      }
    });
  }
  const { removed, problems, ignoredHeaders } = metrics.transportReports;
  exportCounter(
    into,
    {
      name: 'messaging_removed_messages_total',
      help: 'Messages that were removed from a broker before a group had settled them: lost, unless a retry had them in memory.',
      labelNames: ['transport', 'topic', 'group', 'reason'],
    },
    () => removed.all(),
  );
  exportCounter(
    into,
    {
      name: 'messaging_problems_total',
      help: 'Problems that transports reported about their brokers, once each while they last.',
      labelNames: ['transport', 'code'],
    },
    () => problems.all(),
  );
  exportCounter(
    into,
    {
      name: 'messaging_ignored_headers_total',
      help: 'Messages of foreign clients whose x-swy-* headers were ignored.',
      labelNames: ['transport', 'topic', 'group'],
    },
    () => ignoredHeaders.all(),
  );
  exportGauge(
    into,
    {
      name: 'messaging_build_info',
      help: 'Always 1; the labels have the versions.',
      labelNames: ['version', 'node'],
    },
    () => [{ labels: { version: VERSION, node: process.versions.node }, value: 1 }],
  );
}
