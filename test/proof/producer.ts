import { setTimeout as wait } from 'node:timers/promises';
import {
  type MessagingService,
  PublishError,
  type PublishMessageOptions,
} from '../../src/core/messaging/index.js';
import type { History } from './history.js';
import { nextPlan, type Plan } from './workload.js';

/** Messages on their way at most: a producer that is behind does not pile up what nobody takes. */
const MAX_IN_FLIGHT = 200;
const TICK_MS = 20;
const DEADLINE_MS = 5_000;

export interface ProducerSettings {
  /** Unique among all runs of all producers. */
  readonly name: string;
  readonly perSecond: number;
  readonly random: (below: number) => number;
}

/** Publishes what the random numbers say, at a rate, and writes down what it was told. */
export class Producer {
  readonly #lanes = new Map<string, { readonly type: Plan['type']; readonly idle: Promise<void> }>();
  #seq = 0;
  #inFlight = 0;
  #isEnded = false;

  constructor(
    private readonly messaging: MessagingService,
    private readonly history: History,
    private readonly settings: ProducerSettings,
  ) {}

  /** Resolves when {@link end} was called and nothing is on its way. */
  async run(): Promise<void> {
    let due = 0;
    for (let at = performance.now(); !this.#isEnded; at = performance.now()) {
      await wait(TICK_MS);
      due += ((performance.now() - at) * this.settings.perSecond) / 1_000;
      for (; due >= 1; due -= 1) if (this.#inFlight < MAX_IN_FLIGHT) this.#begin(this.#next());
    }
    // One more for each key, behind everything, so that a lost tail is seen.
    for (const [key, { type }] of this.#lanes) this.#begin(this.#last(type, key));
    while (this.#inFlight > 0) await wait(TICK_MS);
  }

  end(): void {
    this.#isEnded = true;
  }

  #next(): Plan {
    return nextPlan(this.settings.name, ++this.#seq, this.settings.random);
  }

  #last(type: Plan['type'], key: string): Plan {
    const { id, seq, payload } = this.#next();
    return { id, seq, type, key, payload: { fate: 'succeeds', padding: payload.padding, key } };
  }

  #begin(plan: Plan): void {
    this.#inFlight += 1;
    const { key, type } = plan;
    const before = (key !== undefined && this.#lanes.get(key)?.idle) || Promise.resolve();
    const idle = before.then(() => this.#publish(plan)).finally(() => (this.#inFlight -= 1));
    if (key !== undefined) this.#lanes.set(key, { type, idle });
  }

  async #publish(plan: Plan): Promise<void> {
    const { id, seq, type, key, payload } = plan;
    const lane = key === undefined ? {} : { lane: `${this.settings.name}/${key}` };
    await this.history.note({ e: 'i', id, topic: type.name, seq, ...lane });
    try {
      const { durability, status } = await this.messaging.publish(type, payload, optionsOf(plan));
      await this.history.note({ e: 'a', id, level: status === 'spooled' ? 'spooled' : durability });
    } catch (error) {
      await this.#failed(id, error);
    }
  }

  async #failed(id: string, error: unknown): Promise<void> {
    if (error instanceof PublishError)
      await this.history.note({ e: error.outcome === 'unknown' ? 'u' : 'f', id, code: error.code });
    else await this.history.note({ e: 'x', what: `publish rejected with ${String(error)}` });
  }
}

function optionsOf({ id, key, delayMs }: Plan): PublishMessageOptions {
  const options = { messageId: id, deadlineMs: DEADLINE_MS };
  return { ...options, ...(key !== undefined && { key }), ...(delayMs !== undefined && { delayMs }) };
}
