import type { Destination } from '../../../core/messaging/transport.js';
import { TopicKeys } from './redis-keys.js';

/** Keys of what a publisher writes to. */
export interface Place {
  /** For what is due now. */
  readonly log: string;
  /** For what is due later. */
  readonly delayed: string;
  /** Of the batches that the publisher has had taken there. */
  readonly batches: string;
}

/** Applications publish to few topics; whoever makes new ones all the time pays for putting names together. */
const MOST_PLACES = 10_000;

/** Puts the names of keys together once for each destination. */
export class Places {
  readonly #ofTopics = new Map<string, Place>();

  constructor(
    private readonly prefix: string,
    private readonly publisher: string,
  ) {}

  of({ topic, group }: Destination): Place {
    if (group !== undefined) return this.#make(topic, group);
    let place = this.#ofTopics.get(topic);
    if (!place) {
      if (this.#ofTopics.size >= MOST_PLACES) this.#ofTopics.clear();
      place = this.#make(topic, undefined);
      this.#ofTopics.set(topic, place);
    }
    return place;
  }

  #make(topic: string, group: string | undefined): Place {
    const keys = new TopicKeys(this.prefix, topic);
    const { log, delayed } = group === undefined ? keys : keys.group(group);
    return { log, delayed, batches: keys.batches(this.publisher) };
  }
}
