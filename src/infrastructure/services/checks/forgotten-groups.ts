import type { MessagingView } from '../../../core/messaging/messaging.view.js';
import {
  type GroupKeeper,
  type GroupState,
  keepsGroups,
  type Transport,
} from '../../../core/messaging/ports/transport.js';
import { Sampled } from './sampled.js';

/** A group that no process consumes for, with what is kept for it. */
export interface ForgottenGroup {
  readonly transport: string;
  readonly topic: string;
  readonly group: string;
  readonly messages: number;
  readonly oldestAgeMs: number;
}

/** Groups come and go with deployments, so that looking twice a minute is plenty. */
const LIMITS = { cacheMs: 30_000, deadlineMs: 5_000 };
/** Topics that are looked at, one after the other: it is one question to the broker for each. */
const MAX_TOPICS = 200;
const MAX_GROUPS = 200;

/**
 * Looks for groups that hold messages though nobody consumes for them: of a handler that was removed or renamed, most often.
 * They are kept for ever, and the broker's memory or disk fills with them. A group of this application is none, however long
 * its consumer is on its way.
 */
export class ForgottenGroups {
  readonly #view: MessagingView;
  readonly #sampled: Sampled<readonly ForgottenGroup[]>;
  #known: readonly ForgottenGroup[] = [];

  constructor(view: MessagingView, { cacheMs = LIMITS.cacheMs }: { readonly cacheMs?: number } = {}) {
    this.#view = view;
    this.#sampled = new Sampled(() => this.#find(), { ...LIMITS, cacheMs });
  }

  /** None, too, where a transport does not answer: that it is down is said elsewhere. Never rejects. */
  async find(): Promise<readonly ForgottenGroup[]> {
    return (await this.#sampled.read()) ?? [];
  }

  /** What was found when somebody last looked; looks again meanwhile, so that a health check never waits for many questions. */
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
