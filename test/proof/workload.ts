import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineMessage } from '../../src/core/messaging/index.js';
import type { Expectation } from './checker.js';

export const UNTIL_REPLAYED = 'is poison until replayed';
/** What the handler of the group `audit` does with a message. */
const FATES = ['succeeds', 'fails twice', 'is poison', UNTIL_REPLAYED] as const;
type Fate = (typeof FATES)[number];

const schema = z.object({ fate: z.enum(FATES), padding: z.string(), key: z.string().optional() });
export type Payload = z.output<typeof schema>;

export const Plain = defineMessage('proof.plain', schema);
export const Keyed = defineMessage('proof.keyed', schema);
/** Never moves to another broker, so that no fault changes its order. */
export const Strict = defineMessage('proof.strict', schema, {
  key: ({ key = 'none' }) => key,
  ordering: 'strict',
});

export const EXPECTATION: Expectation = {
  groups: { [Plain.name]: ['mail', 'audit'], [Keyed.name]: ['ledger'], [Strict.name]: ['vault'] },
  ordered: ['ledger', 'vault'],
};

/** One message that a producer is about to publish. */
export interface Plan {
  readonly id: string;
  readonly seq: number;
  readonly type: typeof Plain;
  /** Of those that are in order; the next of a key is published when the one before is done with. */
  readonly key?: string;
  readonly delayMs?: number;
  readonly payload: Payload;
}

const KEYS = 16;
const MAX_PADDING = 2_000;

/** Bytes that only the message with this id has, so that a change on the way is seen. */
export function paddingOf(id: string): string {
  const hash = createHash('sha256').update(id).digest('base64');
  return hash.repeat(
    1 + (Number.parseInt(hash.slice(0, 6), 36) % Math.floor(MAX_PADDING / hash.length) || 0),
  );
}

/** What is published next: half of it with a key, half of that in strict order, some later, some that fails. The same for the same random numbers. */
export function nextPlan(producer: string, seq: number, random: (below: number) => number): Plan {
  const id = `${producer}-${seq}`;
  const padding = paddingOf(id);
  if (random(2) === 0) {
    const type = random(2) === 0 ? Strict : Keyed;
    const key = `${type.name}-${random(KEYS)}`;
    return { id, seq, type, key, payload: { fate: 'succeeds', padding, key } };
  }
  const plan = { id, seq, type: Plain, payload: { fate: fateOf(random(100)), padding } };
  return random(10) === 0 ? { ...plan, delayMs: 100 + random(3_000) } : plan;
}

function fateOf(percent: number): Fate {
  if (percent < 90) return 'succeeds';
  if (percent < 96) return 'fails twice';
  return percent < 98 ? 'is poison' : UNTIL_REPLAYED;
}
