import type { DeadLetterStore } from '../ports/dead-letter-store.js';
import type { Clock } from '../ports/transport.js';
import type { FrozenLetter } from './operation-store.js';

/** Replayed letters that wait to be looked at again. More are not sampled. */
const MAX_WAITING = 200;
/** How many are looked at in one turn. */
const LOOKED_AT = 10;
const FIRST_LOOK_MS = 200;
/** A handler that takes longer is not waited for. */
const GIVEN_UP_MS = 15_000;
/** Fewer say nothing about a share. */
const MIN_CHECKED = 20;

interface Waiting {
  readonly letter: FrozenLetter;
  readonly sentAt: number;
}

/** Looks again at some of the letters that were replayed, to see early that the rest would fail as well. */
export class FailedAgainSample {
  #waiting: Waiting[] = [];

  constructor(
    private readonly store: DeadLetterStore,
    private readonly clock: Clock,
    readonly counts: { checked: number; failedAgain: number },
  ) {}

  get isSettled(): boolean {
    return this.#waiting.length === 0;
  }

  sent(letter: FrozenLetter): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ letter, sentAt: this.clock.monotonic() });
  }

  /** Rejects when the store does not answer; what was not looked at waits for the next turn. */
  async look(): Promise<void> {
    const due = this.#waiting
      .filter(({ sentAt }) => this.#ageOf(sentAt) >= FIRST_LOOK_MS)
      .slice(0, LOOKED_AT);
    for (const one of due) {
      const letter = await this.store.find(one.letter.id);
      this.#waiting = this.#waiting.filter((other) => other !== one);
      const status = letter && letter.deadLetteredAt !== one.letter.at ? 'failed-again' : letter?.status;
      if (status === 'failed-again') this.counts.failedAgain += 1;
      if (status !== 'replayed' && status !== 'replaying') this.counts.checked += 1;
      else if (this.#ageOf(one.sentAt) < GIVEN_UP_MS) this.#waiting.push(one);
    }
  }

  isTooMany(ratio: number): boolean {
    const { checked, failedAgain } = this.counts;
    return checked >= MIN_CHECKED && failedAgain / checked > ratio;
  }

  #ageOf(sentAt: number): number {
    return this.clock.monotonic() - sentAt;
  }
}
