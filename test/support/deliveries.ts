import { z } from 'zod';
import type { NewDeadLetter } from '../../src/core/messaging/ports/dead-letter-store.js';
import type { DeadLetterSink } from '../../src/core/messaging/delivery/dead-letter-parking.js';
import { DeliveryInProgress } from '../../src/core/messaging/delivery/delivery-in-progress.js';
import type { HandlerEntry } from '../../src/core/messaging/handlers/handler-entry.js';
import { defineMessage, type MessageType } from '../../src/core/messaging/message/message-type.js';
import { DEFAULT_RETRY_POLICY } from '../../src/core/messaging/retry-policy.js';
import type { Delivery, Settlement } from '../../src/core/messaging/ports/transport.js';

/** Trims, so that a test sees whether the handler gets the payload of the schema or the one of the wire. */
const Placed = defineMessage('orders.placed', z.object({ id: z.string().trim() })) as unknown as MessageType;

/** A body that the schema of {@link entryOf} accepts, as `{ id: 'o-1' }`. */
export const GOOD = '{"id":" o-1 "}';

/** The handler of `orders.placed` in the group `billing`: three attempts, no idempotency window. */
export function entryOf(overrides: Partial<HandlerEntry> = {}): HandlerEntry {
  return {
    topic: 'orders.placed',
    group: 'billing',
    handler: 'Billing.charge',
    concurrency: 1,
    ordering: 'none',
    type: Placed,
    policy: { ...DEFAULT_RETRY_POLICY, attempts: 3 },
    timeoutMs: 1_000,
    idempotencyWindowMs: 0,
    invoke: () => undefined,
    ...overrides,
  };
}

export function deliveryOf(
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  attempt = 1,
): Delivery {
  return {
    message: { id: 'm-1', headers, body: typeof body === 'string' ? Buffer.from(body) : body },
    attempt,
    transport: 'local',
  };
}

/** A delivery on its way through the pipeline, as a single step gets it. `settlements` shows what left it. */
export function handlingOf(
  delivery: Delivery = deliveryOf(GOOD),
  overrides: Partial<HandlerEntry> = {},
): DeliveryInProgress & { readonly settlements: readonly Settlement[] } {
  const settlements: Settlement[] = [];
  const handling = new DeliveryInProgress(
    entryOf(overrides),
    delivery,
    { load: { active: 0 } },
    (settlement) => settlements.push(settlement),
  );
  return Object.assign(handling, { settlements });
}

/** Keeps dead letters in memory; rejects while `isDown`. */
export class RecordingSink implements DeadLetterSink {
  readonly parked: NewDeadLetter[] = [];
  readonly resolved: string[] = [];
  isDown = false;
  /** Code of what it rejects with. */
  code = 'STORE_UNAVAILABLE';

  async park(deadLetter: NewDeadLetter): Promise<void> {
    this.#refuseWhenDown();
    this.parked.push(deadLetter);
  }

  async resolve(deadLetterId: string): Promise<void> {
    this.#refuseWhenDown();
    this.resolved.push(deadLetterId);
  }

  #refuseWhenDown(): void {
    if (this.isDown) throw Object.assign(new Error('the store is down'), { code: this.code });
  }
}
