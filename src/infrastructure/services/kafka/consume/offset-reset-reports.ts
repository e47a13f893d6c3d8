import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { TransportContext } from '../../../../core/messaging/ports/transport.js';
import type { OffsetReset } from './offset-reset.js';

/** Resets of the partitions of a topic come close together and have one cause: they are reported together. */
const GATHERED_FOR_MS = 250;
const MAX_NAMED = 5;

/** What is reported about one topic that a group reads. */
export interface ReportedTopic {
  /** As events name it. */
  readonly topic: string;
  readonly group?: string;
  /** Kafka's consumer group. */
  readonly groupId: string;
}

interface PartitionReset extends OffsetReset {
  readonly topic: string;
  readonly partition: number;
}

/** Reports lost offsets: removed and skipped messages as events with counts, the reset itself as a problem. */
export class OffsetResetReports {
  #gathered: PartitionReset[] = [];

  constructor(
    private readonly context: Pick<TransportContext, 'clock' | 'onEvent'>,
    private readonly problems: ProblemList,
    /** @param topic Kafka's */
    private readonly reportedTopic: (topic: string) => ReportedTopic,
  ) {}

  add(reset: PartitionReset): void {
    this.#gathered.push(reset);
    if (this.#gathered.length === 1) this.context.clock.schedule(GATHERED_FOR_MS, () => this.#report());
  }

  /** No partition of the topic is stopped here any more. */
  released(topic: string): void {
    const { groupId: _, ...place } = this.reportedTopic(topic);
    this.problems.solve('offset_lost', place);
  }

  #report(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const topic of new Set(gathered.map((each) => each.topic)))
      for (const cause of ['beyond_end', 'before_start'] as const) {
        const resets = gathered.filter((each) => each.topic === topic && each.cause === cause);
        if (resets.length > 0) this.#reportTopic(topic, resets);
      }
  }

  #reportTopic(kafkaTopic: string, resets: readonly PartitionReset[]): void {
    const { groupId, ...place } = this.reportedTopic(kafkaTopic);
    const removed = sum(resets.map((each) => each.removed));
    const skipped = sum(resets.map((each) => each.skipped));
    const event = { type: 'unread-removed', ...place } as const;
    if (removed > 0) this.context.onEvent({ ...event, count: removed, reason: 'log_start_moved' });
    if (skipped > 0) this.context.onEvent({ ...event, count: skipped, reason: 'offset_lost_latest' });
    const detail = detailOf(kafkaTopic, groupId, resets);
    const isStopped = resets.some(({ to }) => to === undefined);
    if (isStopped) this.problems.add({ code: 'offset_lost', ...place, detail });
    else this.problems.happened({ code: 'offset_lost', ...place, detail });
  }
}

const CAUSES = {
  beyond_end:
    'beyond the end of the log: the topic was recreated, its log was cut off, or the offset was set by hand',
  before_start: 'before the start of the log: the broker has removed messages that the group had not read',
};

function detailOf(topic: string, groupId: string, resets: readonly PartitionReset[]): string {
  const [first] = resets;
  const named = resets
    .slice(0, MAX_NAMED)
    .map(({ partition, from, to }) => `${partition}: ${from} -> ${to ?? 'stopped'}`);
  const more = resets.length > MAX_NAMED ? ', ...' : '';
  const removed = sum(resets.map((each) => each.removed));
  const skipped = sum(resets.map((each) => each.skipped));
  const action = resets.some(({ to }) => to === undefined)
    ? `Nothing is read there (onOffsetLost: stop): stop all processes of the group, set its offsets (kafka-consumer-groups.sh --group ${groupId} --topic ${topic} --reset-offsets), and start them.`
    : `${removed} removed and ${skipped} skipped.`;
  return `The offset of group "${groupId}" in ${resets.length} partitions of topic "${topic}" (${named.join(', ')}${more}) is ${CAUSES[first?.cause ?? 'beyond_end']}. ${action}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
