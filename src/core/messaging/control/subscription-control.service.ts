import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '../dead-letters/audit-log.js';
import { CONTROL_STORE, INTAKE_DRAIN, MESSAGING_CLOCK } from '../messaging.tokens.js';
import {
  type IntakeDrain,
  MESSAGING_VIEW,
  type MessagingView,
  type SubscriptionView,
} from '../messaging.view.js';
import type { ControlStore } from '../ports/control-store.js';
import { MessagingError } from '../ports/errors.js';
import { type Clock, keepsGroups } from '../ports/transport.js';
import {
  DEFAULT_PAUSE_MS,
  type GroupPlace,
  limitsKey,
  type PausedGroup,
  type SubscriptionLimits,
  SubscriptionLimitsWatch,
} from './subscription-limits.js';

/** What an operator orders for a group. What is left out stays as it is. */
export interface SubscriptionOrder {
  readonly paused?: boolean;
  /** How long a pause lasts at most. @default 3_600_000 (one hour) */
  readonly forMs?: number;
  /** `null`: as the handler says. */
  readonly concurrency?: number | null;
  /** `null`: no limit. */
  readonly ratePerSecond?: number | null;
  readonly reason: string;
  /** Who orders it, for the audit log and the pause. */
  readonly actor: string;
  /** Does nothing unless the group has this tag. */
  readonly ifTag?: string;
}

/** A group, what operators have set for it, and what this process does for it. */
export interface ControlledSubscription extends GroupPlace {
  readonly limits: Omit<SubscriptionLimits, 'revisions'>;
  /** Changes with every order. */
  readonly tag: string;
  /** `shared`: orders apply to all processes that use the same control store; `process`: to this one only. */
  readonly scope: 'shared' | 'process';
  /** False while the control store does not answer. */
  readonly isCurrent: boolean;
  /** Handlers of this process. Empty where it has none for the group. */
  readonly here: readonly SubscriptionView[];
}

/** Pauses, resumes and limits consumer groups while the application runs. */
@Injectable()
export class SubscriptionControlService {
  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(CONTROL_STORE) private readonly store: ControlStore,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(INTAKE_DRAIN) private readonly intake: IntakeDrain,
    private readonly watch: SubscriptionLimitsWatch,
    private readonly audit: AuditLog,
  ) {}

  /** `shared`: orders apply to all processes that use the same control store; `process`: to this one only. */
  get scope(): ControlledSubscription['scope'] {
    return this.store.isLocal === true ? 'process' : 'shared';
  }

  /** False while the control store does not answer. */
  get isCurrent(): boolean {
    return this.watch.isFollowing;
  }

  /** Every paused group, also those that only other processes have handlers for. */
  paused(): readonly PausedGroup[] {
    return this.watch.paused();
  }

  /** The groups that this process has handlers for. */
  list(): readonly ControlledSubscription[] {
    const places = new Map(this.view.subscriptions().map(({ to }) => [`${to.topic}/${to.group}`, to]));
    return [...places.values()].map((place) => this.#describe(place));
  }

  /**
   * Rejects with `NOT_FOUND` for a group that neither this process nor, where the store is shared, a transport knows.
   */
  async find(place: GroupPlace): Promise<ControlledSubscription> {
    if (!(await this.#isKnown(place)))
      throw new MessagingError('NOT_FOUND', `There is no group "${place.group}" of "${place.topic}" here.`);
    await this.watch.refresh();
    return this.#describe(place);
  }

  /**
   * Carries out an order, recorded in the audit log. It applies here at once, and to other processes within a second.
   *
   * Rejects as {@link find}, with `REVISION_CHANGED` when the group has another tag, and with `STORE_UNAVAILABLE` when the
   * store does not answer: whether the order applies then, {@link find} shows.
   */
  async change({ topic, group }: GroupPlace, order: SubscriptionOrder): Promise<ControlledSubscription> {
    const place = { topic, group };
    const { actor, reason } = order;
    const action = { action: actionOf(order), actor, id: `${topic}/${group}`, reason };
    return this.audit.change(action, async () => {
      const { tag } = await this.find(place);
      if (order.ifTag !== undefined && order.ifTag !== tag) throw changedMeanwhile(place);
      const found = this.watch.of(place);
      await this.#writeLimits(place, order, found);
      await this.#writePause(place, order, found);
      await this.watch.refresh();
      return this.#describe(place);
    });
  }

  /**
   * Ends the intake of this process until it ends; it still publishes. Recorded in the audit log. Resolves when intake has
   * ended; handlers that run still finish.
   */
  async drainProcess({ actor, reason }: Pick<SubscriptionOrder, 'actor' | 'reason'>): Promise<void> {
    await this.audit.change({ action: 'drain-process', actor, reason }, async () => {
      void this.intake.drainIntake();
    });
  }

  async #writeLimits(
    place: GroupPlace,
    { concurrency, ratePerSecond }: SubscriptionOrder,
    found: SubscriptionLimits,
  ): Promise<void> {
    if (concurrency === undefined && ratePerSecond === undefined) return;
    const wanted = {
      ...kept('concurrency', concurrency, found.concurrency),
      ...kept('ratePerSecond', ratePerSecond, found.ratePerSecond),
    };
    const value = Object.keys(wanted).length === 0 ? undefined : JSON.stringify(wanted);
    await this.#write(place, 'limits', { value, ifRevision: found.revisions.limits });
  }

  async #writePause(
    place: GroupPlace,
    { paused, forMs = DEFAULT_PAUSE_MS, reason, actor }: SubscriptionOrder,
    found: SubscriptionLimits,
  ): Promise<void> {
    if (paused === undefined) return;
    const pause = { reason, by: actor, since: this.clock.now() };
    const value = paused ? JSON.stringify(pause) : undefined;
    await this.#write(place, 'pause', { value, ifRevision: found.revisions.pause, ttlMs: forMs });
  }

  async #write(
    place: GroupPlace,
    what: 'pause' | 'limits',
    {
      value,
      ...options
    }: { readonly value: string | undefined; readonly ifRevision: number; readonly ttlMs?: number },
  ): Promise<void> {
    const key = limitsKey(place, what);
    const { ifRevision } = options;
    if (value !== undefined) {
      const { kind } = await this.store.put(key, value, options);
      if (kind === 'conflict') throw changedMeanwhile(place);
    } else if (ifRevision > 0 && !(await this.store.delete(key, { ifRevision }))) {
      // One that has ended by itself meanwhile is what was wanted.
      if (await this.store.get(key)) throw changedMeanwhile(place);
    }
  }

  /** With a shared store a process may order what others do. */
  async #isKnown({ topic, group }: GroupPlace): Promise<boolean> {
    if (this.#here({ topic, group }).length > 0) return true;
    if (this.store.isLocal === true) return false;
    for (const transport of this.view.transports().filter((one) => keepsGroups(one))) {
      const groups = await transport.groups(topic);
      if (groups.some((state) => state.group === group)) return true;
    }
    return false;
  }

  #here({ topic, group }: GroupPlace): readonly SubscriptionView[] {
    return this.view.subscriptions().filter(({ to }) => to.topic === topic && to.group === group);
  }

  #describe({ topic, group }: GroupPlace): ControlledSubscription {
    const { revisions, ...limits } = this.watch.of({ topic, group });
    return {
      topic,
      group,
      limits,
      tag: `${revisions.pause}.${revisions.limits}`,
      scope: this.scope,
      isCurrent: this.isCurrent,
      here: this.#here({ topic, group }),
    };
  }
}

function kept(
  name: 'concurrency' | 'ratePerSecond',
  ordered: number | null | undefined,
  before: number | undefined,
): Record<string, number> {
  const value = ordered === undefined ? before : (ordered ?? undefined);
  return value === undefined ? {} : { [name]: value };
}

function actionOf({ paused }: SubscriptionOrder): string {
  if (paused === undefined) return 'limit-subscription';
  return paused ? 'pause-subscription' : 'resume-subscription';
}

function changedMeanwhile({ topic, group }: GroupPlace): MessagingError {
  return new MessagingError(
    'REVISION_CHANGED',
    `The group "${group}" of "${topic}" was changed meanwhile. Read it again, then decide.`,
  );
}
