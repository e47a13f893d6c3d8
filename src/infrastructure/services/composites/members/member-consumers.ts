import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import {
  CONSUMER_INTERRUPTED,
  type Consumer,
  type OnDelivery,
  type Settlement,
  type Subscription,
  type TransportContext,
} from '../../../../core/messaging/ports/transport.js';
import type { Member } from './member.js';

const RETRY_BACKOFF = { minMs: 100, maxMs: 5_000 } as const;

/** Serves one subscription on every member, for ever and under one ceiling: what a member has accepted stays with it. */
export class MemberConsumers implements Consumer {
  readonly #consumers = new Map<Member, Consumer>();
  readonly #waiting: (() => void)[] = [];
  readonly #troubles: ErrorDeduplicator;
  /** Why nothing comes from a member that should be consumed. */
  readonly #refusing = new Map<string, Error>();
  #running = 0;
  #isStopped = false;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly subscription: Subscription,
    private readonly onDelivery: OnDelivery,
    private readonly context: TransportContext,
    private readonly problems: ProblemList,
  ) {
    this.#troubles = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
  }

  /** As {@link start}, but resolves at once when the member is unhealthy, and never rejects. */
  async startPatiently(member: Member): Promise<void> {
    const started = this.#consume(member).catch((error: unknown) => this.#retry(member, 0, error as Error));
    if (member.isHealthy) await started;
  }

  /** Resolves once one member is consumed; the others follow when they can. Rejects when none can be consumed now. */
  async start(members: readonly Member[]): Promise<void> {
    const results = await Promise.allSettled(members.map((member) => this.#consume(member)));
    const failed = results.flatMap((result, nth) =>
      result.status === 'rejected' ? [{ member: members[nth] as Member, error: result.reason as Error }] : [],
    );
    if (failed.length === members.length) throw failed[0]?.error ?? new Error('no members');
    for (const { member, error } of failed) this.#retry(member, 0, error);
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.problems.solve(CONSUMER_INTERRUPTED, this.subscription);
    this.#stopped ??= Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop())).then(
      () => undefined,
    );
    return this.#stopped;
  }

  async #consume(member: Member): Promise<void> {
    const consumer = await member.transport.consume(this.subscription, (delivery) =>
      this.#deliver(() => this.onDelivery({ ...delivery, transport: this.context.name })),
    );
    if (this.#isStopped) return consumer.stop();
    this.#consumers.set(member, consumer);
    this.resumed(member);
  }

  /** Nothing comes from the member that alone is consumed. */
  interrupted(member: Member, error: Error): void {
    if (this.#isStopped) return;
    this.#refusing.set(member.name, error);
    this.#report();
  }

  resumed(member: Member): void {
    if (this.#refusing.delete(member.name)) this.#report();
  }

  #report(): void {
    const { topic, group } = this.subscription;
    if (this.#refusing.size === 0) {
      this.problems.solve(CONSUMER_INTERRUPTED, { topic, group });
      return;
    }
    const [first] = this.#refusing.values();
    const reasons = [...this.#refusing]
      .map(([name, error]) => `on "${name}": ${sentenceOf(error)}`)
      .join('; ');
    const detail = `"${topic}" cannot be consumed for the group "${group}" ${reasons}. Trying again.`;
    const reason = errorCodeOf(first);
    this.problems.add({ code: CONSUMER_INTERRUPTED, topic, group, reason, detail });
  }

  #retry(member: Member, failures: number, error: Error): void {
    this.#troubles.trouble(error);
    // The state of the composite lists a member that does not work, once for all subscriptions.
    if (member.isHealthy) this.interrupted(member, error);
    this.context.clock.schedule(backoffMs(failures, RETRY_BACKOFF), () => {
      if (this.#isStopped) return;
      this.#consume(member).catch((again: unknown) => this.#retry(member, failures + 1, again as Error));
    });
  }

  async #deliver(run: () => Promise<Settlement>): Promise<Settlement> {
    while (this.#running >= this.subscription.concurrency)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await run();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/** Our own errors are written without secrets; of others only the code is shown. */
function sentenceOf(error: Error): string {
  return error instanceof MessagingError ? error.message : errorCodeOf(error);
}
