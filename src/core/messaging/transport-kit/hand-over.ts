import type { Delivery, OnDelivery, Settlement, WireMessage } from '../ports/transport.js';

/** A delivery whose callback broke its promise not to reject comes back after this. */
export const BROKEN_CALLBACK: Settlement = { kind: 'retry', delayMs: 1_000 };

/** Hands a delivery over and passes on its settlement, also when the callback throws or rejects. Called once. */
export function handOver(
  onDelivery: OnDelivery,
  delivery: Delivery,
  settle: (settlement: Settlement) => void,
): void {
  settlementOf(onDelivery, delivery).then(settle, () => settle(BROKEN_CALLBACK));
}

function settlementOf(onDelivery: OnDelivery, delivery: Delivery): Promise<Settlement> {
  try {
    return onDelivery(delivery);
  } catch {
    return Promise.resolve(BROKEN_CALLBACK);
  }
}

/** Number of the attempt that follows the settlement of this one: the same where it counts none. */
export function nextAttempt(attempt: number, settlement: Settlement & { kind: 'retry' }): number {
  return settlement.countsAttempt === false ? attempt : attempt + 1;
}

/** The message as the next attempt is to see it. */
export function retriedMessage(
  message: WireMessage,
  { headers }: Pick<Settlement & { kind: 'retry' }, 'headers'>,
): WireMessage {
  return headers ? { ...message, headers: { ...message.headers, ...headers } } : message;
}
