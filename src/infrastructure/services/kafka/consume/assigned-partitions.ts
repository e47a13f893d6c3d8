import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type { EachBatchPayload } from '../client/kafkajs-client.js';
import type { GroupMembership } from './group-membership.js';
import { type OffsetRange, type OffsetReset, resetOf } from './offset-reset.js';
import type { OffsetResetReports } from './offset-reset-reports.js';
import type { Assignment } from './group-reader.js';
import type { KafkaOptions } from '../kafka.options.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import { Partition } from './partition.js';
import { SettledOffsets } from './settled-offsets.js';

const RETRY_MS = 100;
/** Failures that are not reported, because a new topic is not known on every broker at once. */
const QUIET_TRIES = 10;

/** A leader that has just changed may know a lower end of the log for a moment. */
const CONFIRM_MS = 1_000;
/** The client does not read meanwhile, and sends no heartbeat. */
const RESET_PATIENCE_MS = 2_000;

interface Committed {
  readonly committed: { readonly position: number; readonly metadata: string | null };
  /** Where reading begins. */
  readonly start: number;
  /** Nothing was committed so far. */
  readonly isNew: boolean;
  readonly reset: OffsetReset | undefined;
}

/** The partitions that this process reads for a group, each once its start is known. */
export class AssignedPartitions {
  readonly #all = new Map<string, Promise<Partition | undefined>>();
  readonly #wanted = new Map<string, object>();
  readonly #ready = new Map<string, Partition>();
  readonly #memories = new Map<string, SettledOffsets>();

  constructor(
    private readonly link: KafkaConnection,
    private readonly membership: GroupMembership,
    private readonly resets: Pick<OffsetResetReports, 'add' | 'released'>,
    private readonly report: {
      readonly failed: (error: unknown) => void;
      /** Of what is of a newer version. */
      readonly formats: Pick<NewerFormats, 'found'>;
    },
  ) {}

  [Symbol.iterator](): Iterator<Partition> {
    return this.#ready.values();
  }

  /** @param isSame whether this process was a member all the time, so that it keeps the partitions that it still has. */
  assign(assignment: Assignment, isSame: boolean): void {
    const wanted = new Map<string, { readonly topic: string; readonly id: number }>();
    for (const [topic, ids] of Object.entries(assignment))
      for (const id of ids) wanted.set(nameOf(topic, id), { topic, id });
    for (const name of [...this.#all.keys()]) if (!isSame || !wanted.has(name)) this.#drop(name);
    const fresh = [...wanted].filter(([name]) => !this.#all.has(name));
    if (fresh.length === 0) return;
    const topics = [...new Set(fresh.map(([, { topic }]) => topic))];
    const names = fresh.map(([name]) => name);
    const isWanted = (): boolean => fresh.some(([name, at]) => this.#wanted.get(name) === at);
    const reading = this.#committed(topics, names, isWanted);
    for (const [name, at] of fresh) {
      this.#wanted.set(name, at);
      const opening = reading.then((committed) => {
        const found = committed?.get(name);
        if (!found || this.#wanted.get(name) !== at) return undefined;
        return this.#open(at.topic, at.id, found);
      });
      this.#all.set(name, opening);
    }
  }

  /** Undefined when it is not assigned to this process. Resolves once its start is known. */
  async get(topic: string, id: number): Promise<Partition | undefined> {
    return this.#all.get(nameOf(topic, id));
  }

  /** The partition of a batch; undefined when the batch must not be handled: it is not assigned, not read, or read too far ahead. */
  async ofBatch(batch: EachBatchPayload['batch']): Promise<Partition | undefined> {
    const { topic, partition: id } = batch;
    const partition = await this.get(topic, id);
    if (partition?.isStopped) this.membership.pause(topic, id);
    if (!partition || partition.isStopped) return undefined;
    const { fetchedOffset } = batch as { readonly fetchedOffset?: string };
    const from = Number(fetchedOffset ?? 0);
    if (from <= partition.tracker.next || partition.rewoundFrom === from) return partition;
    // The client reads on from an offset that the group has committed, and that was not in the log then.
    partition.rewoundFrom = from;
    this.membership.seek(topic, id, partition.tracker.next);
    return undefined;
  }

  /** Where to read when the client has read at an offset that is not in the log; undefined when the partition is not read. */
  async outOfRange(topic: string, id: number): Promise<number | undefined> {
    const resetting = this.#reset(topic, id);
    let offset: number | undefined;
    const isDone = await settlesWithin(
      resetting.then((to) => (offset = to)),
      RESET_PATIENCE_MS,
    ).catch((error: unknown) => {
      this.report.failed(error);
      return false;
    });
    if (!isDone) await pause(RETRY_MS, this.link.clock); // the client tries again
    return offset;
  }

  async #reset(topic: string, id: number): Promise<number | undefined> {
    const partition = await this.get(topic, id);
    if (!partition) return undefined;
    if (!partition.isStopped) {
      const range = (await this.#ranges([topic])).get(nameOf(topic, id));
      const current = this.#ready.get(nameOf(topic, id));
      if (current !== partition) return current?.tracker.next;
      const reset = range && resetOf(partition.tracker.next, range, this.link.options.onOffsetLost);
      if (!reset) return partition.tracker.next;
      this.resets.add({ ...reset, topic, partition: id });
      if (reset.to !== undefined) return this.#moveTo(reset.to, reset, partition);
      partition.isStopped = true;
    }
    this.membership.pause(topic, id);
    return undefined;
  }

  /** Deliveries in flight keep their partition, unless its log is another one now. */
  #moveTo(start: number, { cause }: OffsetReset, partition: Partition): number {
    const { topic, id } = partition;
    if (cause === 'before_start') {
      partition.tracker.skipTo(start);
      partition.isDirty = true;
      return start;
    }
    const name = nameOf(topic, id);
    partition.isGone = true;
    partition.lose();
    const next = new Partition(topic, id, {
      committed: { position: start, metadata: null },
      memory: this.#memoryOf(name),
      now: this.link.clock.monotonic(),
    });
    next.isDirty = true;
    this.#ready.set(name, next);
    this.#all.set(name, Promise.resolve(next));
    return start;
  }

  /** Nothing that applications see lies before the offset. */
  skip(topic: string, id: number, to: number): void {
    const partition = this.#ready.get(nameOf(topic, id));
    if (!partition) return;
    partition.tracker.skipTo(to);
    partition.isDirty = true;
  }

  /** Resolves once the start of every assigned partition is known. */
  async opened(): Promise<void> {
    await Promise.all(this.#all.values());
  }

  dropAll(): void {
    for (const name of [...this.#all.keys()]) this.#drop(name);
  }

  #open(topic: string, id: number, { committed, start, isNew, reset }: Committed): Partition {
    const name = nameOf(topic, id);
    const now = this.link.clock.monotonic();
    const partition = new Partition(topic, id, { committed, start, memory: this.#memoryOf(name), now });
    partition.isDirty = isNew;
    this.#ready.set(name, partition);
    if (partition.newerProgress !== undefined) this.#leave(partition, partition.newerProgress);
    else if (reset) this.#openReset(partition, reset);
    return partition;
  }

  /** To processes of a newer version: what they have stored beside the position says what is settled. */
  #leave(partition: Partition, format: number): void {
    partition.isDirty = false;
    partition.isStopped = true;
    this.membership.pause(partition.topic, partition.id);
    this.report.formats.found(`the progress in "${partition.topic}"`, format, () => !partition.isLost);
  }

  #openReset(partition: Partition, reset: OffsetReset): void {
    const { topic, id } = partition;
    const { from, to, removed } = reset;
    const unread = removed > 0 ? partition.unsettledBetween(from, from + removed) : 0;
    this.resets.add({ ...reset, removed: unread, topic, partition: id });
    partition.isDirty = to !== undefined;
    partition.isStopped = to === undefined;
    if (to === undefined) this.membership.pause(topic, id);
    else this.membership.seek(topic, id, to);
  }

  #memoryOf(name: string): SettledOffsets {
    let memory = this.#memories.get(name);
    if (!memory) this.#memories.set(name, (memory = new SettledOffsets()));
    return memory;
  }

  #drop(name: string): void {
    const partition = this.#ready.get(name);
    partition?.lose();
    this.#ready.delete(name);
    this.#wanted.delete(name);
    this.#all.delete(name);
    if (!partition?.isStopped) return;
    const isLast = ![...this.#ready.values()].some(
      ({ topic, isStopped }) => topic === partition.topic && isStopped,
    );
    if (isLast) this.resets.released(partition.topic); // its next owner reports it
  }

  /** Tries until it works, because a partition must not be read before; undefined once none of them is assigned any more. */
  async #committed(
    topics: string[],
    names: readonly string[],
    isWanted: () => boolean,
  ): Promise<Map<string, Committed> | undefined> {
    let isConfirmed = false;
    for (let tries = 1; ; tries += 1) {
      try {
        const found = await this.#ask(topics);
        const isBeyond = names.some((name) => found.get(name)?.reset?.cause === 'beyond_end');
        if (names.every((name) => found.has(name)) && (isConfirmed || !isBeyond)) return found;
        if (isBeyond) {
          isConfirmed = true;
          await pause(CONFIRM_MS, this.link.clock);
        }
      } catch (error) {
        if (tries > QUIET_TRIES) this.report.failed(error);
      }
      if (!isWanted() || this.link.isClosed) return undefined;
      await pause(RETRY_MS, this.link.clock);
    }
  }

  async #ask(topics: string[]): Promise<Map<string, Committed>> {
    const groupId = this.membership.group.id;
    const [stored, ranges] = await Promise.all([
      this.link.ask((admin) => admin.fetchOffsets({ groupId, topics })),
      this.#ranges(topics),
    ]);
    const found = new Map<string, Committed>();
    for (const { topic, partitions } of stored)
      for (const { partition, offset, metadata } of partitions) {
        const name = nameOf(topic, partition);
        const range = ranges.get(name);
        if (!range) continue; // it was added a moment ago
        const position = Number(offset);
        found.set(name, committedOf({ position, metadata: metadata ?? null }, range, this.link.options));
      }
    return found;
  }

  async #ranges(topics: readonly string[]): Promise<Map<string, OffsetRange>> {
    const found = await Promise.all(
      topics.map((topic) => this.link.ask((admin) => admin.fetchTopicOffsets(topic))),
    );
    const ranges = new Map<string, OffsetRange>();
    topics.forEach((topic, index) => {
      for (const { partition, low, high } of found[index] ?? [])
        ranges.set(nameOf(topic, partition), { low: Number(low), high: Number(high) });
    });
    return ranges;
  }
}

function committedOf(
  committed: Committed['committed'],
  range: OffsetRange,
  { onOffsetLost }: Pick<KafkaOptions, 'onOffsetLost'>,
): Committed {
  const isNew = committed.position < 0;
  const reset = isNew ? undefined : resetOf(committed.position, range, onOffsetLost);
  const start = isNew ? range.low : (reset?.to ?? committed.position);
  // What was stored with the offset is about another log.
  const isOfLog = !isNew && reset?.cause !== 'beyond_end';
  return { committed: isOfLog ? committed : { position: start, metadata: null }, start, isNew, reset };
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
