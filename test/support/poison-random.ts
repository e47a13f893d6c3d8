import { randomInt } from 'node:crypto';
import { report } from '../faults/measured.js';
import { seededRandom } from './seeded-random.js';

/** Random choices of a generator of poison. */
export interface PoisonRandom {
  /** A whole number below the bound. */
  readonly below: (bound: number) => number;
  readonly oneOf: <T>(choices: readonly T[]) => T;
  /** From 0 to the bound, small sizes as often as large ones. */
  readonly size: (bound: number) => number;
  readonly bytes: (count: number) => Buffer;
}

/** Choices by the seed in `POISON_SEED`, or by a new one. The seed is printed, so that a run can be repeated. */
export function poisonRandom(generator: string): PoisonRandom {
  const seed = Number(process.env['POISON_SEED'] ?? randomInt(2 ** 31));
  report(generator, `POISON_SEED=${seed}`);
  const below = seededRandom(seed);
  return {
    below,
    oneOf: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    size: (bound) => Math.min(bound, Math.floor(2 ** ((below(1_000) / 1_000) * Math.log2(bound + 1)))),
    bytes: (count) => {
      const words = Uint32Array.from({ length: Math.ceil(count / 4) }, () => below(2 ** 32));
      return Buffer.from(words.buffer, 0, count);
    },
  };
}
