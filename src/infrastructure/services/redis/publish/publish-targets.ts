import type { Destination } from '../../../../core/messaging/ports/transport.js';
import { TopicKeys } from '../topology/redis-keys.js';

/** Keys of what is written to when something is published. */
export interface PublishTarget {
  /** For what is due now. */
  readonly log: string;
  /** For what is due later. */
  readonly delayed: string;
  /** Start of the names of what publishers have had taken there. */
  readonly batches: string;
}

/** Applications publish to few topics; whoever makes new ones all the time pays for each. */
const MAX_TARGETS = 10_000;

/** Puts the names of the keys of destinations together, once for each topic. */
export class PublishTargets {
  readonly #ofTopics = new Map<string, PublishTarget>();

  constructor(private readonly prefix: string) {}

  of({ topic, group }: Destination): PublishTarget {
    if (group !== undefined) return this.#make(topic, group);
    let place = this.#ofTopics.get(topic);
    if (!place) {
      if (this.#ofTopics.size >= MAX_TARGETS) this.#ofTopics.clear();
      place = this.#make(topic, undefined);
      this.#ofTopics.set(topic, place);
    }
    return place;
  }

  #make(topic: string, group: string | undefined): PublishTarget {
    const keys = new TopicKeys(this.prefix, topic);
    const { log, delayed } = group === undefined ? keys : keys.group(group);
    return { log, delayed, batches: keys.batches };
  }
}
