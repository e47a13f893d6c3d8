import type { DeliveryInProgress } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { LatencyMeter } from './latency-meter.js';
import { aboutMessage, type DeliveryEvent } from '../observing/event-messages.js';
import type { MessagingEvent } from '../observing/events.js';
import type { FailureOutcome, PostponedOutcome } from './outcome.js';
import type { Clock, Delivery } from '../ports/transport.js';

/** A request that failed, with the failure as its reply. */
export interface RepliedFailure extends Pick<FailureOutcome, 'reason' | 'error'> {
  readonly kind: 'replied';
}

/** Emits what happens to deliveries, for metrics, traces and logs. */
export class DeliveryReports {
  readonly #latency: LatencyMeter;

  constructor(
    private readonly clock: Clock,
    private readonly emit: (event: MessagingEvent) => void,
  ) {
    this.#latency = new LatencyMeter(clock);
  }

  delivered({ entry, delivery, attempt }: DeliveryInProgress): void {
    const { transport, message } = delivery;
    this.emit({ type: 'delivered', to: entry, transport, messageId: message.id, attempt });
  }

  postponed(
    { entry, delivery, attempt }: DeliveryInProgress,
    { reason, delayMs, error }: Omit<PostponedOutcome, 'kind'>,
  ): void {
    this.#emitAbout(delivery, {
      type: 'postponed',
      to: entry,
      transport: delivery.transport,
      messageId: delivery.message.id,
      attempt,
      reason,
      delayMs,
      ...(error !== undefined && { error: toError(error) }),
    });
  }

  duplicate({ entry, delivery }: DeliveryInProgress): void {
    this.emit({ type: 'duplicate-suppressed', to: entry, messageId: delivery.message.id });
  }

  handled({ entry, delivery, attempt, startedAt, replayOf }: DeliveryInProgress): void {
    const endedAt = this.clock.monotonic();
    this.emit({
      type: 'handled',
      to: entry,
      transport: delivery.transport,
      messageId: delivery.message.id,
      attempt,
      durationMs: endedAt - (startedAt ?? endedAt),
      latencyMs: this.#latency.of(delivery, endedAt),
      replayed: replayOf !== undefined,
    });
  }

  failed(
    { entry, delivery, attempt, startedAt, replayOf }: DeliveryInProgress,
    outcome: FailureOutcome | RepliedFailure,
  ): void {
    this.#emitAbout(delivery, {
      type: 'failed',
      to: entry,
      transport: delivery.transport,
      messageId: delivery.message.id,
      attempt,
      ...(startedAt !== undefined && { durationMs: this.clock.monotonic() - startedAt }),
      disposition: outcome.kind === 'dead-letter' ? 'dead_letter' : outcome.kind,
      reason: outcome.reason,
      error: toError(outcome.error),
      ...(outcome.kind === 'retry' && { delayMs: outcome.delayMs }),
      replayed: replayOf !== undefined,
    });
  }

  /** A request that was not handled or not answered. */
  dropped(
    { entry, delivery }: DeliveryInProgress,
    reason: Extract<MessagingEvent, { type: 'request-dropped' }>['reason'],
  ): void {
    const { transport, message } = delivery;
    this.emit({ type: 'request-dropped', to: entry, transport, messageId: message.id, reason });
  }

  storeFailed(store: 'dead-letters' | 'idempotency', to: HandlerEntry, error: unknown): void {
    this.emit({ type: 'store-failed', store, to, error: toError(error) });
  }

  #emitAbout({ message }: Delivery, event: DeliveryEvent): void {
    this.emit(aboutMessage(event, message));
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('The handler threw something that is not an Error.');
}
