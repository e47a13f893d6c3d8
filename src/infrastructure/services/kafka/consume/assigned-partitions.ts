import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Assignment } from './group-reader.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import { Partition } from './partition.js';
import { SettledOffsets } from './settled-offsets.js';

const RETRY_MS = 100;
/** Failures that are not reported, because a new topic is not known on every broker at once. */
const QUIET_TRIES = 10;

interface Committed {
  readonly position: number;
  readonly metadata: string | null;
  /** Nothing was committed so far. */
  readonly isNew: boolean;
}

/** The partitions that this process reads for a group, each once its start is known. */
export class AssignedPartitions {
  readonly #all = new Map<string, Promise<Partition | undefined>>();
  readonly #wanted = new Map<string, object>();
  readonly #ready = new Map<string, Partition>();
  readonly #memories = new Map<string, SettledOffsets>();

  constructor(
    private readonly link: KafkaConnection,
    private readonly group: string,
    private readonly failed: (error: unknown) => void,
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
        const partition = new Partition(at.topic, at.id, {
          committed: found,
          memory: this.#memoryOf(name),
          now: this.link.clock.monotonic(),
        });
        partition.isDirty = found.isNew;
        this.#ready.set(name, partition);
        return partition;
      });
      this.#all.set(name, opening);
    }
  }

  /** Undefined when it is not assigned to this process. Resolves once its start is known. */
  async get(topic: string, id: number): Promise<Partition | undefined> {
    return this.#all.get(nameOf(topic, id));
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
  }

  /** Tries until it works, because a partition must not be read before; undefined once none of them is assigned any more. */
  async #committed(
    topics: string[],
    names: readonly string[],
    isWanted: () => boolean,
  ): Promise<Map<string, Committed> | undefined> {
    for (let tries = 1; ; tries += 1) {
      try {
        const found = await this.#ask(topics);
        if (names.every((name) => found.has(name))) return found;
      } catch (error) {
        if (tries > QUIET_TRIES) this.failed(error);
      }
      if (!isWanted() || this.link.isClosed) return undefined;
      await pause(RETRY_MS, this.link.clock);
    }
  }

  async #ask(topics: string[]): Promise<Map<string, Committed>> {
    const [stored, ends] = await Promise.all([
      this.link.ask((admin) => admin.fetchOffsets({ groupId: this.group, topics })),
      Promise.all(topics.map((topic) => this.link.ask((admin) => admin.fetchTopicOffsets(topic)))),
    ]);
    const lows = new Map<string, number>();
    topics.forEach((topic, index) => {
      for (const { partition, low } of ends[index] ?? []) lows.set(nameOf(topic, partition), Number(low));
    });
    const found = new Map<string, Committed>();
    for (const { topic, partitions } of stored)
      for (const { partition, offset, metadata } of partitions) {
        const name = nameOf(topic, partition);
        const isNew = Number(offset) < 0;
        const low = lows.get(name) ?? 0;
        // What lies before the first offset that is left was removed by the retention of the topic.
        found.set(name, {
          position: isNew ? low : Math.max(low, Number(offset)),
          metadata: metadata ?? null,
          isNew,
        });
      }
    return found;
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
