import { lowerOf } from '../../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetterCeiling,
  DeadLetterCount,
  DeadLetterStore,
  DeadLetterUsage,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import type { MessagingView, SubscriptionView } from '../../../../core/messaging/messaging.view.js';
import { allInside, isComposite } from '../../../../core/messaging/ports/composite-transport.js';
import { type KeptMessages, keepsMessages } from '../../../../core/messaging/ports/transport.js';
import { Backlogs, type SampledBacklog } from '../../checks/backlogs.js';
import { ForgottenGroups } from '../../checks/forgotten-groups.js';
import { Sampled } from '../../checks/sampled.js';
import { type TransportCheck, TransportChecks } from '../../checks/transport-checks.js';
import type { NamedState } from './composite-metrics.js';

const LIMITS = { cacheMs: 5_000, deadlineMs: 2_000 };
export type SampledKept = KeptMessages & { readonly transport: string };

/** Values that are queried on scrape and not counted as events. */
export class ScrapeSources {
  readonly backlogs: Sampled<readonly SampledBacklog[]>;
  readonly deadLetterCounts: Sampled<readonly DeadLetterCount[]>;
  /** With the lower of the limits of the store and the application. Undefined where the store does not know it. */
  readonly deadLetterUsage: Sampled<DeadLetterUsage | undefined>;
  readonly forgotten: ForgottenGroups;
  readonly kept: Sampled<readonly SampledKept[]>;
  readonly #checks = new TransportChecks({ cacheMs: LIMITS.cacheMs, timeoutMs: 1_000 });
  readonly #view: MessagingView;

  constructor(view: MessagingView, store: DeadLetterStore, limits: DeadLetterCeiling) {
    this.#view = view;
    const backlogs = new Backlogs(view, LIMITS);
    this.backlogs = new Sampled(async () => (await backlogs.read()).found, {
      ...LIMITS,
      deadlineMs: LIMITS.deadlineMs * 2,
    });
    this.forgotten = new ForgottenGroups(view);
    this.kept = new Sampled(() => this.#readKept(), LIMITS);
    this.deadLetterCounts = new Sampled(() => store.stats(), LIMITS);
    this.deadLetterUsage = new Sampled(async () => {
      const usage = await store.usage?.();
      return usage && { ...usage, ...lowerOf(usage, limits) };
    }, LIMITS);
  }

  subscriptions(): readonly SubscriptionView[] {
    return this.#view.subscriptions();
  }

  /** Kind of broker behind a transport. */
  systemOf(transport: string): string {
    return this.#view.transports().find(({ name }) => name === transport)?.system ?? 'none';
  }

  /** Every composite transport, including those within others. */
  composites(): NamedState[] {
    const within = ({ name, state }: NamedState): NamedState[] => [
      { name, state },
      ...state.members.flatMap((member) =>
        member.inside ? within({ name: member.name, state: member.inside }) : [],
      ),
    ];
    return this.#view
      .transports()
      .flatMap((one) => (isComposite(one) ? within({ name: one.name, state: one.state() }) : []));
  }

  /** What transports keep outside of the queues of groups; nothing of those that do not answer. */
  async #readKept(): Promise<SampledKept[]> {
    const keepers = allInside(this.#view.transports()).filter((transport) => keepsMessages(transport));
    const all = await Promise.all(
      keepers.map(async (keeper) => {
        const kept = await keeper.kept().catch(() => []);
        return kept.map((one) => ({ ...one, transport: keeper.name }));
      }),
    );
    return all.flat();
  }

  transports(): Promise<readonly TransportCheck[]> {
    return this.#checks.check(this.#view.transports());
  }
}
