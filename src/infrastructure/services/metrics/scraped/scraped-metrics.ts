import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { HandlerIdentity } from '../../../../core/messaging/observing/events.js';
import type { DeadLetterUsage } from '../../../../core/messaging/ports/dead-letter-store.js';
import type { SubscriptionView } from '../../../../core/messaging/messaging.view.js';
import type { Backlog } from '../../../../core/messaging/ports/transport.js';
import type { ForgottenGroup } from '../../checks/forgotten-groups.js';
import { exportCompositeMetrics } from './composite-metrics.js';
import { type Destination, exportGauge, type Labels, type Sample } from '../series/exported.js';
import type { ScrapeSources } from './scrape-sources.js';

const BROKER = ['transport', 'topic', 'group'];
const SAME = ' The same value in every process: aggregate with max by, never with sum.';

/** Adds the metrics that are queried on scrape: backlogs, dead letters and states. */
export function exportScrapedMetrics(into: Destination, sources: ScrapeSources): void {
  for (const { name, help, value } of BACKLOG_GAUGES) {
    exportGauge(into, { name, help: help + SAME, labelNames: BROKER }, async () => {
      const backlogs = (await sources.backlogs.read()) ?? [];
      return backlogs.map(({ to, transport, backlog }) => ({
        labels: { transport, topic: to.topic, group: to.group },
        value: value(backlog),
      }));
    });
  }
  exportConsumerGauges(into, sources);
  exportStockGauges(into, sources);
  for (const { name, help, value } of STORAGE_GAUGES) {
    exportGauge(into, { name, help: help + SAME, labelNames: [] }, async () => {
      const usage = await sources.deadLetterUsage.read();
      const known = usage && value(usage);
      return known === undefined || known === Infinity ? [] : [{ labels: {}, value: known }];
    });
  }
  for (const { name, help, value } of FORGOTTEN_GAUGES) {
    exportGauge(into, { name, help: help + SAME, labelNames: BROKER }, async () => {
      const forgotten = await sources.forgotten.find();
      return forgotten.map(({ transport, topic, group, ...figures }) => ({
        labels: { transport, topic, group },
        value: value(figures),
      }));
    });
  }
  exportGauge(
    into,
    {
      name: 'messaging_kept_messages',
      help:
        'Messages that are kept outside of the queues of groups: foreign ones, or held for later groups.' +
        SAME,
      labelNames: ['transport', 'place'],
    },
    async () =>
      ((await sources.kept.read()) ?? []).map(({ transport, place, messages }) => ({
        labels: { transport, place },
        value: messages,
      })),
  );
  exportTransportGauges(into, sources);
  exportCompositeMetrics(into, () => sources.composites());
}

function exportTransportGauges(into: Destination, sources: ScrapeSources): void {
  exportGauge(
    into,
    {
      name: 'messaging_transport_last_success_timestamp_seconds',
      help: 'Time of the last successful check of the transport, in seconds since 1970.',
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
    into,
    {
      name: 'messaging_transport_up',
      help: '1 if the transport can accept a message, else 0.',
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
    help: 'Messages that can be delivered now.',
    value: (backlog: Backlog) => backlog.ready,
  },
  {
    name: 'messaging_consumer_pending_messages',
    help: 'Messages delivered and not settled.',
    value: (backlog: Backlog) => backlog.inFlight,
  },
  {
    name: 'messaging_consumer_delayed_messages',
    help: 'Retries and delayed messages that are not due yet.',
    value: (backlog: Backlog) => backlog.delayed,
  },
  {
    name: 'messaging_consumer_oldest_message_age_seconds',
    help: 'Age of the oldest message that is not settled; 0 without one.',
    value: (backlog: Backlog) => (backlog.oldestAgeMs ?? 0) / 1000,
  },
];

const STORAGE_GAUGES = [
  {
    name: 'messaging_dead_letters_messages',
    help: 'Dead letters in the store, of every status.',
    value: ({ count }: DeadLetterUsage) => count,
  },
  {
    name: 'messaging_dead_letters_capacity_messages',
    help: 'Most dead letters that the store may hold; absent without a limit.',
    value: ({ maxCount }: DeadLetterUsage) => maxCount,
  },
  {
    name: 'messaging_dead_letters_bytes',
    help: 'Bytes of the dead letters in the store: bodies, headers and descriptions.',
    value: ({ bytes }: DeadLetterUsage) => bytes,
  },
  {
    name: 'messaging_dead_letters_capacity_bytes',
    help: 'Most bytes of dead letters that the store may hold; absent without a limit.',
    value: ({ maxBytes }: DeadLetterUsage) => maxBytes,
  },
];

const FORGOTTEN_GAUGES = [
  {
    name: 'messaging_forgotten_group_messages',
    help: 'Messages of a group without consumers.',
    value: ({ messages }: Pick<ForgottenGroup, 'messages' | 'oldestAgeMs'>) => messages,
  },
  {
    name: 'messaging_forgotten_group_oldest_message_age_seconds',
    help: 'Age of the oldest message of a group without consumers.',
    value: ({ oldestAgeMs }: Pick<ForgottenGroup, 'messages' | 'oldestAgeMs'>) => oldestAgeMs / 1000,
  },
];

function exportConsumerGauges(into: Destination, sources: ScrapeSources): void {
  exportGauge(
    into,
    {
      name: 'messaging_process_active',
      help: 'Deliveries that handlers of this process are processing.',
      labelNames: ['topic', 'group', 'handler'],
    },
    () =>
      largest(sources.subscriptions(), ({ to, active }) => ({
        labels: { topic: to.topic, group: to.group, handler: to.handler },
        value: active,
      })),
  );
  exportGauge(
    into,
    {
      name: 'messaging_consumers',
      help: '1 if this process consumes for the group, else 0; the sum over processes is the number of members.',
      labelNames: ['topic', 'group'],
    },
    () =>
      largest(sources.subscriptions(), ({ to, state }) => ({
        labels: groupLabels(to),
        value: state === 'running' ? 1 : 0,
      })),
  );
  exportGauge(
    into,
    {
      name: 'messaging_subscription_paused',
      help: '1 if an operator has paused the group in this process, else 0.',
      labelNames: ['topic', 'group'],
    },
    () =>
      largest(sources.subscriptions(), ({ to, state }) => ({
        labels: groupLabels(to),
        value: state === 'paused' ? 1 : 0,
      })),
  );
  exportGauge(
    into,
    {
      name: 'messaging_kill_switch_open',
      help: '1 if the kill switch of the handler is open in this process, else 0; handlers without one have no series.',
      labelNames: ['topic', 'group', 'handler'],
    },
    () =>
      largest(
        sources.subscriptions().filter(({ killSwitch }) => killSwitch !== undefined),
        ({ to, killSwitch }) => ({
          labels: { topic: to.topic, group: to.group, handler: to.handler },
          value: killSwitch?.isOpen === true ? 1 : 0,
        }),
      ),
  );
}

/** One sample for each set of labels, because a handler is listed once for each transport that delivers to it. */
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

function exportStockGauges(into: Destination, sources: ScrapeSources): void {
  exportGauge(
    into,
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
    into,
    {
      name: 'messaging_dead_letter_oldest_age_seconds',
      help: `Age of the oldest open dead letter; 0 without one.${SAME}`,
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
