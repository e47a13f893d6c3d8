/** What a process has said of a message, in the order of a clock that all processes share. */
export interface KeyStep {
  readonly what: 'begin' | 'end';
  readonly key: string;
  /** Of all messages; those of a key are {@link KeyHistory.stride} apart. */
  readonly nth: number;
  readonly attempt: number;
  readonly at: bigint;
  /** Which process. */
  readonly by: number;
}

export interface KeyHistory {
  readonly steps: readonly KeyStep[];
  /** From one message of a key to its next. */
  readonly stride: number;
  /** When each process was killed; undefined for one that was not. */
  readonly killedAt: readonly (bigint | undefined)[];
}

/**
 * What in a history is not in the order of keys that docs/operating/delivery-guarantees.md promises, in words; empty when it is kept. A process begins the
 * messages of a key one after the other and leaves none out. Another takes the key over when the one before has nothing of it in hand, or is dead,
 * and goes on where that one was. After a death alone it may go back, to what the dead process had begun and no broker knew to be settled; from
 * there on, too, nothing is left out. Whether a repeat counts as an attempt is not looked at: that differs from broker to broker.
 */
export function disorderOf({ steps, stride, killedAt }: KeyHistory): string[] {
  const sorted = [...steps].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const keys = new Set(sorted.map(({ key }) => key));
  return [...keys].flatMap((key) =>
    disorderOfKey(
      sorted.filter((step) => step.key === key),
      stride,
      killedAt,
    ),
  );
}

function disorderOfKey(
  steps: readonly KeyStep[],
  stride: number,
  killedAt: KeyHistory['killedAt'],
): string[] {
  const key = new KeyInTurn(stride, killedAt);
  for (const step of steps)
    if (step.what === 'begin') key.begin(step);
    else key.end(step);
  return key.found;
}

class KeyInTurn {
  readonly found: string[] = [];
  /** By whom each message was begun last. */
  readonly #begun = new Map<number, number>();
  #highest = -Infinity;
  #last: { readonly by: number; readonly nth: number; isInHand: boolean } | undefined;

  constructor(
    private readonly stride: number,
    private readonly killedAt: KeyHistory['killedAt'],
  ) {}

  begin(step: KeyStep): void {
    const { nth, by } = step;
    if (this.#last?.by === by) this.#goOn(step, this.#last);
    else if (this.#last) this.#takeOver(step, this.#last);
    const earlier = this.#begun.get(nth);
    if (earlier !== undefined && !this.#isDead(earlier, step))
      this.#say(step, `again, although process ${earlier} is alive and has had it`);
    this.#begun.set(nth, by);
    this.#highest = Math.max(this.#highest, nth);
    this.#last = { by, nth, isInHand: true };
  }

  end({ by }: KeyStep): void {
    if (this.#last?.by === by) this.#last.isInHand = false;
  }

  #goOn(step: KeyStep, last: { readonly nth: number; readonly isInHand: boolean }): void {
    if (last.isInHand) this.#say(step, `while it has ${last.nth} in hand`);
    if (step.nth !== last.nth + this.stride) this.#say(step, `after ${last.nth}`);
  }

  #takeOver(
    step: KeyStep,
    last: { readonly by: number; readonly nth: number; readonly isInHand: boolean },
  ): void {
    const isDead = this.#isDead(last.by, step);
    if (last.isInHand && !isDead) this.#say(step, `while process ${last.by} has ${last.nth} in hand`);
    if (step.nth > this.#highest + this.stride)
      this.#say(step, `and leaves out what comes after ${this.#highest}`);
    if (step.nth <= this.#highest && !isDead)
      this.#say(step, 'again, although no process that had the key has died');
  }

  #isDead(process: number, { at }: KeyStep): boolean {
    const killed = this.killedAt[process];
    return killed !== undefined && killed <= at;
  }

  #say({ key, by, nth, attempt }: KeyStep, text: string): void {
    this.found.push(`${key}: process ${by} begins ${nth} (attempt ${attempt}) ${text}`);
  }
}
