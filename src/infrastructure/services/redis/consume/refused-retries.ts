import type {
  Settlement,
  Subscription,
  TransportContext,
} from '../../../../core/messaging/ports/transport.js';
import { NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs, pause, pauseWhile } from '../../../../core/messaging/transport-kit/backoff.js';
import type { BrokerFailure } from '../../../../core/messaging/transport-kit/broker-failure.js';
import { retriedMessage } from '../../../../core/messaging/transport-kit/hand-over.js';
import type { InFlightEntry } from '../wire/stream-entry.js';
import type { Settled } from './redis-settler.js';

const BACKOFF = { minMs: 50, maxMs: 2_000 } as const;

/** How a retry that the server did not write ends. */
export interface RefusedRoute {
  readonly to: Pick<Subscription, 'topic' | 'group'>;
  readonly context: Pick<TransportContext, 'name' | 'clock' | 'keepRefused'>;
  /** Settles the entry after all. */
  settle(item: InFlightEntry, settlement: Settlement): void;
  failed(error: unknown): void;
}

/**
 * Retries that the server did not write. What it refuses permanently becomes a dead letter, because a repetition would fail for
 * ever; anything else is repeated. The entry stays pending until then.
 */
export class RefusedRetries {
  readonly #open = new Set<Promise<void>>();
  #isClosed = false;

  constructor(private readonly route: RefusedRoute) {}

  get size(): number {
    return this.#open.size;
  }

  add(settled: Settled, failure: BrokerFailure): void {
    this.route.failed(failure.error);
    const done = this.#end(settled, failure).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  /** Resolves when none is left. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  /** Ends the repetitions. */
  close(): void {
    this.#isClosed = true;
  }

  async #end({ item, settlement }: Settled, { kind, error }: BrokerFailure): Promise<void> {
    const { clock } = this.route.context;
    if (kind !== 'refused' || settlement.kind === 'ack' || !this.route.context.keepRefused) {
      await pause(backoffMs(2, BACKOFF), clock);
      if (!this.#isClosed) this.route.settle(item, settlement);
      return;
    }
    for (let failures = 0; !this.#isClosed; failures += 1) {
      try {
        await this.#keep(item, settlement, error);
        this.route.settle(item, { kind: 'ack' });
        return;
      } catch (storeError) {
        this.route.failed(storeError);
        const waitMs =
          storeError instanceof NotKeptError ? storeError.retryAfterMs : backoffMs(failures, BACKOFF);
        await pauseWhile(() => !this.#isClosed, waitMs, clock);
      }
    }
  }

  async #keep(
    { message, attempt }: InFlightEntry,
    settlement: Settlement & { kind: 'retry' },
    error: Error,
  ): Promise<void> {
    const { to, context } = this.route;
    const { topic, group } = to;
    await context.keepRefused?.({
      to: { topic, group },
      message: retriedMessage(message, settlement),
      error,
      transport: context.name,
      attempts: attempt,
    });
  }
}
