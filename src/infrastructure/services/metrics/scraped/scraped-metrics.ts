import type { Registry } from 'prom-client';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { HandlerIdentity } from '../../../../core/messaging/observing/events.js';
import type { SubscriptionView } from '../../../../core/messaging/messaging.view.js';
import type { Backlog } from '../../../../core/messaging/ports/transport.js';
import type { ForgottenGroup } from '../../checks/forgotten-groups.js';
import { exportCompositeMetrics } from './composite-metrics.js';
import { exportGauge, type Labels, type Sample } from '../series/exported.js';
import type { ScrapeSources } from './scrape-sources.js';

const BROKER = ['transport', 'topic', 'group'];
const SAME = ' The same from every process: aggregate with max by, never with sum.';

/** Adds what is asked for at a scrape: depth, stock and states. */
export function exportScrapedMetrics(registry: Registry, sources: ScrapeSources): void {
  for (const { name, help, value } of BACKLOG_GAUGES) {
    exportGauge(registry, { name, help: help + SAME, labelNames: BROKER }, async () => {
      const backlogs = (await sources.backlogs.read()) ?? [];
      return backlogs.map(({ to, transport, backlog }) => ({
        labels: { transport, topic: to.topic, group: to.group },
        value: value(backlog),
      }));
    });
  }
  exportConsumerGauges(registry, sources);
  exportStockGauges(registry, sources);
  for (const { name, help, value } of FORGOTTEN_GAUGES) {
    exportGauge(registry, { name, help: help + SAME, labelNames: BROKER }, async () => {
      const forgotten = await sources.forgotten.find();
      return forgotten.map(({ transport, topic, group, ...figures }) => ({
        labels: { transport, topic, group },
        value: value(figures),
      }));
    });
  }
  exportTransportGauges(registry, sources);
  exportCompositeMetrics(registry, () => sources.composites());
}

function exportTransportGauges(registry: Registry, sources: ScrapeSources): void {
  exportGauge(
    registry,
    {
      name: 'messaging_transport_last_success_timestamp_seconds',
      help: 'When the transport last could take a message, in seconds since 1970.',
      labelNames: ['transport', 'system'],
    },
    async () => {
      const checks = await sources.transports();
      return checks.flatMap(({ transport, result }) =>
        result.lastSuccessAt === undefined
          ? []
          : [
              {
                labels: { transport: transport.name, system: transport.system },
                value: result.lastSuccessAt / 1000,
              },
            ],
      );
    },
  );
  exportGauge(
    registry,
    {
      name: 'messaging_transport_up',
      help: 'Whether the transport could take a message.',
      labelNames: ['transport', 'system'],
    },
    async () => {
      const checks = await sources.transports();
      return checks.map(({ transport, result }) => ({
        labels: { transport: transport.name, system: transport.system },
        value: result.up ? 1 : 0,
      }));
    },
  );
}

const BACKLOG_GAUGES = [
  {
    name: 'messaging_consumer_lag_messages',
    help: 'Messages that could be delivered now.',
    value: (backlog: Backlog) => backlog.ready,
  },
  {
    name: 'messaging_consumer_pending_messages',
    help: 'Messages handed over and not settled.',
    value: (backlog: Backlog) => backlog.inFlight,
  },
  {
    name: 'messaging_consumer_delayed_messages',
    help: 'Retries and delayed messages that are not due.',
    value: (backlog: Backlog) => backlog.delayed,
  },
  {
    name: 'messaging_consumer_oldest_message_age_seconds',
    help: 'Age of the oldest message that is not settled; 0 when there is none.',
    value: (backlog: Backlog) => (backlog.oldestAgeMs ?? 0) / 1000,
  },
];

const FORGOTTEN_GAUGES = [
  {
    name: 'messaging_forgotten_group_messages',
    help: 'Messages that are kept for a group that nobody consumes for.',
    value: ({ messages }: Pick<ForgottenGroup, 'messages' | 'oldestAgeMs'>) => messages,
  },
  {
    name: 'messaging_forgotten_group_oldest_message_age_seconds',
    help: 'Age of the oldest message that is kept for a group that nobody consumes for.',
    value: ({ oldestAgeMs }: Pick<ForgottenGroup, 'messages' | 'oldestAgeMs'>) => oldestAgeMs / 1000,
  },
];

function exportConsumerGauges(registry: Registry, sources: ScrapeSources): void {
  exportGauge(
    registry,
    {
      name: 'messaging_process_active',
      help: 'Deliveries in the hands of handlers of this process.',
      labelNames: ['topic', 'group', 'handler'],
    },
    () =>
      largest(sources.subscriptions(), ({ to, active }) => ({
        labels: { topic: to.topic, group: to.group, handler: to.handler },
        value: active,
      })),
  );
  exportGauge(
    registry,
    {
      name: 'messaging_consumers',
      help: 'Whether this process consumes for the group; the sum over processes is the number of members.',
      labelNames: ['topic', 'group'],
    },
    () =>
      largest(sources.subscriptions(), ({ to, state }) => ({
        labels: groupLabels(to),
        value: state === 'running' ? 1 : 0,
      })),
  );
}

/** One sample for each set of labels: a handler that is fed by several transports is listed once for each of them. */
function largest(
  subscriptions: readonly SubscriptionView[],
  sampleOf: (subscription: SubscriptionView) => Sample,
): Iterable<Sample> {
  const samples = new Map<string, Sample>();
  for (const sample of subscriptions.map(sampleOf)) {
    const key = JSON.stringify(sample.labels);
    if (sample.value >= (samples.get(key)?.value ?? 0)) samples.set(key, sample);
  }
  return samples.values();
}

function exportStockGauges(registry: Registry, sources: ScrapeSources): void {
  exportGauge(
    registry,
    {
      name: 'messaging_dead_letter_messages',
      help: `Dead letters in the store.${SAME}`,
      labelNames: ['topic', 'group', 'status'],
    },
    async () => {
      const stock = await sources.deadLetterCounts.read();
      if (!stock) return [];
      const none = sources.subscriptions().map(({ to }) => ({
        labels: { ...groupLabels(to), status: 'failed' },
        value: 0,
      }));
      const some = stock.map(({ topic, group, status, count }) => ({
        labels: { topic, group, status },
        value: count,
      }));
      return [...none, ...some];
    },
  );
  exportGauge(
    registry,
    {
      name: 'messaging_dead_letter_oldest_age_seconds',
      help: `Age of the oldest dead letter that waits for an operator; 0 when there is none.${SAME}`,
      labelNames: ['topic', 'group'],
    },
    async () => {
      const stock = await sources.deadLetterCounts.read();
      if (!stock) return [];
      const now = systemClock.now();
      const none = sources.subscriptions().map(({ to }) => ({ labels: groupLabels(to), value: 0 }));
      const some = stock
        .filter(({ status }) => status === 'failed')
        .map(({ topic, group, oldestAt }) => ({
          labels: { topic, group },
          value: Math.max(0, now - oldestAt) / 1000,
        }));
      return [...none, ...some];
    },
  );
}

function groupLabels({ topic, group }: HandlerIdentity): Labels {
  return { topic, group };
}
