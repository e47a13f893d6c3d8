import type { MessagingView } from '../../../core/messaging/messaging.view.js';
import {
  type GroupKeeper,
  type GroupState,
  keepsGroups,
  type Transport,
} from '../../../core/messaging/ports/transport.js';
import { Sampled } from './sampled.js';

/** A group without a consumer, with its backlog. */
export interface ForgottenGroup {
  readonly transport: string;
  readonly topic: string;
  readonly group: string;
  readonly messages: number;
  readonly oldestAgeMs: number;
}

/** Groups change with deployments, so two checks a minute are enough. */
const LIMITS = { cacheMs: 30_000, deadlineMs: 5_000 };
/** Most topics that are checked, because each costs one query of the broker. */
const MAX_TOPICS = 200;
const MAX_GROUPS = 200;

/**
 * Finds groups that hold messages and have no consumer, mostly because a handler was removed or renamed. Brokers
 * keep these messages without limit of time, in memory or on disk. A group of this application never counts, even
 * before its consumer has started.
 */
export class ForgottenGroups {
  readonly #view: MessagingView;
  readonly #sampled: Sampled<readonly ForgottenGroup[]>;
  #known: readonly ForgottenGroup[] = [];

  constructor(view: MessagingView, { cacheMs = LIMITS.cacheMs }: { readonly cacheMs?: number } = {}) {
    this.#view = view;
    this.#sampled = new Sampled(() => this.#find(), { ...LIMITS, cacheMs });
  }

  /** Also empty when a transport does not answer, because the check of transports reports that. Never rejects. */
  async find(): Promise<readonly ForgottenGroup[]> {
    return (await this.#sampled.read()) ?? [];
  }

  /**
   * The result of the last search; starts the next one in the background, so that a health check does not wait for
   * many queries.
   */
  known(): readonly ForgottenGroup[] {
    void this.find().then((found) => (this.#known = found));
    return this.#known;
  }

  async #find(): Promise<ForgottenGroup[]> {
    const topics = new Set([...this.#view.subscriptions().map(({ to }) => to.topic), ...this.#view.topics()]);
    const keepers = this.#view.transports().filter((transport) => keepsGroups(transport));
    const own = new Set(this.#view.subscriptions().map(({ to }) => nameOf(to.topic, to.group)));
    const found: ForgottenGroup[] = [];
    for (const transport of keepers) {
      for (const topic of [...topics].slice(0, MAX_TOPICS)) {
        const groups = await groupsOf(transport, topic);
        const forgotten = groups.filter(
          (state) => isForgotten(state) && !own.has(nameOf(topic, state.group)),
        );
        found.push(...forgotten.map((state) => describe(transport, topic, state)));
      }
    }
    return found.slice(0, MAX_GROUPS);
  }
}

function nameOf(topic: string, group: string): string {
  return `${topic}/${group}`;
}

function groupsOf(transport: GroupKeeper, topic: string): Promise<readonly GroupState[]> {
  return transport.groups(topic).catch(() => []);
}

function isForgotten({ isConsumed, backlog }: GroupState): boolean {
  return !isConsumed && backlog.ready + backlog.inFlight + backlog.delayed > 0;
}

function describe({ name }: Transport, topic: string, { group, backlog }: GroupState): ForgottenGroup {
  return {
    transport: name,
    topic,
    group,
    messages: backlog.ready + backlog.inFlight + backlog.delayed,
    oldestAgeMs: backlog.oldestAgeMs ?? 0,
  };
}
