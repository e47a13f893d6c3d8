import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { HandlerIdentity } from '../../../core/messaging/observing/events.js';
import type { MessagingView, SubscriptionView } from '../../../core/messaging/messaging.view.js';
import type { Backlog, Transport } from '../../../core/messaging/ports/transport.js';
import { withDeadline } from '../../../core/messaging/transport-kit/deadline.js';

/** Most concurrent queries of one transport. */
const PARALLEL = 8;

export interface SampledBacklog {
  readonly to: HandlerIdentity;
  readonly transport: string;
  readonly backlog: Backlog;
}

/** What was answered within the deadline. */
export interface SampledBacklogs {
  readonly found: readonly SampledBacklog[];
  /** Groups whose transport has not answered. */
  readonly missing: readonly Pick<SampledBacklog, 'to' | 'transport'>[];
}

/**
 * The backlogs of the groups that this process has handlers for.
 *
 * A transport that does not answer keeps no other one from being read. Its queries are not repeated while they are open.
 */
export class Backlogs {
  readonly #view: MessagingView;
  readonly #deadlineMs: number;
  readonly #open = new Map<string, Promise<Backlog>>();

  constructor(view: MessagingView, { deadlineMs }: { readonly deadlineMs: number }) {
    this.#view = view;
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves within the deadline and never rejects. */
  async read(): Promise<SampledBacklogs> {
    const until = systemClock.monotonic() + this.#deadlineMs;
    const found: SampledBacklog[] = [];
    const missing: Pick<SampledBacklog, 'to' | 'transport'>[] = [];
    const readOne = async (transport: Transport, { to }: SubscriptionView): Promise<void> => {
      const backlog = await this.#ask(transport, to, until - systemClock.monotonic());
      if (backlog) found.push({ to, transport: transport.name, backlog });
      else missing.push({ to, transport: transport.name });
    };
    const transports = this.#view.transports().flatMap((transport) => {
      const waiting = this.#view.subscriptions().filter((one) => one.transport === transport.name);
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) await readOne(transport, next);
      };
      return Array.from({ length: PARALLEL }, work);
    });
    await Promise.all(transports);
    return { found, missing };
  }

  /** Undefined for a transport that does not answer, so that the values of the others are shown. */
  async #ask(
    transport: Transport,
    { topic, group }: HandlerIdentity,
    leftMs: number,
  ): Promise<Backlog | undefined> {
    if (leftMs <= 0) return undefined;
    const key = `${transport.name}/${topic}/${group}`;
    let answer = this.#open.get(key);
    if (!answer) {
      // An async function, so that a synchronous throw becomes a rejection.
      answer = (async () => transport.backlog({ topic, group }))();
      this.#open.set(key, answer);
      const close = (): unknown => this.#open.delete(key);
      answer.then(close, close);
    }
    return withDeadline<Backlog | undefined>(answer, leftMs, () => new Error('Too late'), systemClock).catch(
      () => undefined,
    );
  }
}
