import type { Destination } from '../../../../core/messaging/ports/transport.js';
import { TopicKeys } from '../topology/redis-keys.js';

/** Keys that a publish writes to. */
export interface PublishTarget {
  /** For what is due now. */
  readonly log: string;
  /** For what is due later. */
  readonly delayed: string;
  /** Start of the names of the publishers' hashes of batches. */
  readonly batches: string;
}

/** Beyond it the cache starts again: applications publish to few topics. */
const MAX_TARGETS = 10_000;

/** Keys of destinations, built once for each topic. */
export class PublishTargets {
  readonly #ofTopics = new Map<string, PublishTarget>();

  constructor(private readonly prefix: string) {}

  of({ topic, group }: Destination): PublishTarget {
    if (group !== undefined) return this.#make(topic, group);
    let target = this.#ofTopics.get(topic);
    if (!target) {
      if (this.#ofTopics.size >= MAX_TARGETS) this.#ofTopics.clear();
      target = this.#make(topic, undefined);
      this.#ofTopics.set(topic, target);
    }
    return target;
  }

  #make(topic: string, group: string | undefined): PublishTarget {
    const keys = new TopicKeys(this.prefix, topic);
    const { log, delayed } = group === undefined ? keys : keys.group(group);
    return { log, delayed, batches: keys.batches };
  }
}
