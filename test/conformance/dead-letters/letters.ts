import type {
  DeadLetter,
  DeadLetterStore,
  NewDeadLetter,
} from '../../../src/core/messaging/ports/dead-letter-store.js';
import { uuidV7 } from '../../../src/core/messaging/message/ids.js';
import type { StoreCase } from '../store-suite.js';

export type DeadLetterCase = StoreCase<DeadLetterStore>;

/** When the first letter of a test run failed. */
export const BEGIN = Date.UTC(2026, 0, 1);
let serial = 0;

/** A letter of its own; each one later than all before it, by a millisecond. */
export function deadLetter(overrides: Partial<NewDeadLetter> = {}): NewDeadLetter {
  const nth = ++serial;
  const at = overrides.deadLetteredAt ?? BEGIN + nth;
  return {
    id: uuidV7(BEGIN + nth),
    topic: 'orders.placed',
    group: 'billing',
    handler: 'Billing.charge',
    transport: 'main',
    messageId: `m-${nth}`,
    reason: 'handler_error',
    error: { type: 'Error', message: 'card declined' },
    fingerprint: 'f-1',
    attempts: 3,
    history: [{ attempt: 1, at: at - 2, errorType: 'Error' }],
    firstFailedAt: at - 2,
    deadLetteredAt: at,
    headers: {},
    body: Buffer.from(`{"n":${nth}}`),
    ...overrides,
  };
}

/** Adds letters one after the other and returns their ids. */
export async function addAll(
  store: DeadLetterStore,
  deadLetters: readonly NewDeadLetter[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const one of deadLetters) ids.push(await store.add(one));
  return ids;
}

export function several(count: number, overrides: Partial<NewDeadLetter> = {}): NewDeadLetter[] {
  return Array.from({ length: count }, () => deadLetter(overrides));
}

/** The letter, which must be there. */
export async function found(store: DeadLetterStore, id: string): Promise<DeadLetter> {
  const one = await store.find(id);
  if (!one) throw new Error(`There is no letter ${id}.`);
  return one;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
