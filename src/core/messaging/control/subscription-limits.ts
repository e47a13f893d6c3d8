import { z } from 'zod';
import type { ControlEntry, ControlStore } from '../ports/control-store.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import type { SubscriptionPause, SubscriptionView } from '../messaging.view.js';
import type { MessagingEvent } from '../observing/events.js';
import { OwnLogger } from '../observing/own-logger.js';
import { ControlWatch } from './control-watch.js';

/** Keys: `subscriptions/<topic>/<group>/pause` and `…/limits`. */
const PREFIX = 'subscriptions/';

/** Longest pause. A forgotten pause must end. */
export const MAX_PAUSE_MS = 7 * 24 * 3_600_000;
export const DEFAULT_PAUSE_MS = 3_600_000;
export const MAX_CONCURRENCY = 10_000;
export const RATE_RANGE = { min: 0.1, max: 100_000 } as const;

const pauseSchema = z.object({ reason: z.string(), by: z.string(), since: z.number() });
const limitsSchema = z.object({
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).optional(),
  ratePerSecond: z.number().min(RATE_RANGE.min).max(RATE_RANGE.max).optional(),
});

/** What operators have set for a group. */
export interface SubscriptionLimits {
  readonly pause?: SubscriptionPause;
  readonly concurrency?: number;
  readonly ratePerSecond?: number;
  /** Of the stored pause and of the stored limits; 0 where there are none. */
  readonly revisions: { readonly pause: number; readonly limits: number };
}

/** A group of a topic. */
export interface GroupPlace {
  readonly topic: string;
  readonly group: string;
}

/** A group that operators have paused. */
export interface PausedGroup extends GroupPlace {
  readonly pause: SubscriptionPause;
}

const NONE: SubscriptionLimits = { revisions: { pause: 0, limits: 0 } };

/** What operators have set for all groups, followed in the control store. */
export class SubscriptionLimitsWatch {
  readonly #logger = new OwnLogger('Messaging');
  readonly #known = new Map<string, SubscriptionLimits>();
  readonly #watch: ControlWatch;
  readonly #clock: Clock;
  #apply: (place: GroupPlace, limits: SubscriptionLimits) => void = () => undefined;
  #isFollowing = false;

  constructor(
    store: ControlStore,
    clock: Clock,
    private readonly emit: (event: MessagingEvent) => void,
  ) {
    this.#clock = clock;
    this.#watch = new ControlWatch(store, PREFIX, clock, {
      changed: (key, entry) => this.#changed(key, entry),
      failed: (error) => this.#failed(error),
      recovered: () => this.#recovered(),
    });
  }

  /** False while the store does not answer: what was known last applies, and at the start nothing. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /**
   * Reads what is set, calls `apply` for each group that has something, and again with each change. Never rejects: without
   * its store the application works as its code says.
   */
  async start(apply: (place: GroupPlace, limits: SubscriptionLimits) => void): Promise<void> {
    this.#apply = apply;
    this.#isFollowing = true;
    await this.#watch.start();
  }

  /** Reads now what has changed. */
  refresh(): Promise<void> {
    return this.#watch.refresh();
  }

  stop(): void {
    this.#watch.stop();
  }

  of(place: GroupPlace): SubscriptionLimits {
    return this.#known.get(nameOf(place)) ?? NONE;
  }

  /** Every group that is paused, also those that only other processes have handlers for. */
  paused(): readonly PausedGroup[] {
    return [...this.#known].flatMap(([name, { pause }]) => {
      const [topic = '', group = ''] = name.split('/');
      return pause ? [{ topic, group, pause }] : [];
    });
  }

  /** With what is set for each. */
  addTo(subscriptions: readonly SubscriptionView[]): readonly SubscriptionView[] {
    return subscriptions.map((subscription) => {
      const { pause, ratePerSecond } = this.of(subscription.to);
      if (!pause && ratePerSecond === undefined) return subscription;
      return {
        ...subscription,
        ...(pause && { pause }),
        ...(ratePerSecond !== undefined && { ratePerSecond }),
      };
    });
  }

  #changed(key: string, entry: ControlEntry | undefined): void {
    const [topic = '', group = '', what] = key.slice(PREFIX.length).split('/');
    const place = { topic, group };
    const before = this.of(place);
    if (what === 'pause') this.#set(place, this.#withPause(before, entry));
    else if (what === 'limits') this.#set(place, this.#withLimits(before, entry));
  }

  #withPause(before: SubscriptionLimits, entry: ControlEntry | undefined): SubscriptionLimits {
    const { pause: _, revisions, ...limits } = before;
    const pause = entry && this.#pauseOf(entry);
    return { ...limits, ...(pause && { pause }), revisions: { ...revisions, pause: entry?.revision ?? 0 } };
  }

  #withLimits({ pause, revisions }: SubscriptionLimits, entry: ControlEntry | undefined): SubscriptionLimits {
    const { concurrency, ratePerSecond } = (entry && this.#read(limitsSchema, entry)) ?? {};
    return {
      ...(pause && { pause }),
      ...(concurrency !== undefined && { concurrency }),
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      revisions: { ...revisions, limits: entry?.revision ?? 0 },
    };
  }

  #set(place: GroupPlace, limits: SubscriptionLimits): void {
    const { revisions, pause } = limits;
    const hasChanged = this.of(place).revisions.pause !== revisions.pause;
    if (revisions.pause === 0 && revisions.limits === 0) this.#known.delete(nameOf(place));
    else this.#known.set(nameOf(place), limits);
    this.#apply(place, limits);
    if (hasChanged) this.emit({ type: 'subscription-changed', ...place, ...(pause && { pause }) });
  }

  #pauseOf(entry: ControlEntry): SubscriptionPause | undefined {
    const read = this.#read(pauseSchema, entry);
    return read && { ...read, until: this.#clock.now() + (entry.expiresInMs ?? MAX_PAUSE_MS) };
  }

  #read<T>(schema: z.ZodType<T>, { key, value }: ControlEntry): T | undefined {
    try {
      return schema.parse(JSON.parse(value));
    } catch {
      this.#logger.warn(`"${key}" of the control store cannot be read, and has no effect. Set it again.`);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    this.#isFollowing = false;
    this.#logger.warn(
      `The control store does not answer (${errorCodeOf(error)}): pauses and limits stay as they were. Trying again.`,
    );
  }

  #recovered(): void {
    this.#isFollowing = true;
    this.#logger.log('The control store answers again.');
  }
}

/** Where the pause or the limits of a group are stored. */
export function limitsKey({ topic, group }: GroupPlace, what: 'pause' | 'limits'): string {
  return `${PREFIX}${topic}/${group}/${what}`;
}

function nameOf({ topic, group }: GroupPlace): string {
  return `${topic}/${group}`;
}
